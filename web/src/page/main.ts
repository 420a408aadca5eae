// Starts the page: models first, then the panels.

import { provideRuntime, unsupported } from "../lib/runtime";
import { choices } from "./choices";
import { file, readPage, type Page } from "./data";
import { Explorer } from "./explorer";
import { Gallery } from "./gallery";
import { knowsPanel } from "./knows";
import { latentPanel } from "./latents";
import { link } from "./link";
import { ownImages } from "./own";
import { planePanel } from "./plane";
import { between, traversal } from "./rows";
import { stage } from "./stage";
import { wherePanel } from "./where";

type State = "loading" | "ready" | "error";

function state(now: State, words: string): void {
  document.body.dataset.state = now;
  document.getElementById("status-text")!.textContent = words;
}

let quiet = 0;

function say(words: string): void {
  document.getElementById("status-text")!.textContent = words;
  window.clearTimeout(quiet);
  quiet = window.setTimeout(() => (document.getElementById("status-text")!.textContent = "Ready"), 4000);
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}

function fail(words: string): void {
  window.clearTimeout(quiet);
  state("error", "Stopped");
  document.getElementById("error-text")!.textContent = words;
  document.getElementById("error")!.hidden = false;
}

async function start(): Promise<void> {
  const missing = unsupported();
  if (missing) return fail(missing);
  if (window.location.protocol === "file:" && document.querySelector("script[data-src]")) {
    return fail(
      "Browsers load the files of this folder from a web server only. Start one in the folder, python -m http.server, or make one file, which opens from disk: unbraid explore without --split.",
    );
  }
  let page: Page;
  try {
    page = readPage();
  } catch (error) {
    return fail(`The description of the models is damaged (${reason(error)}). Make the page anew: unbraid explore.`);
  }
  try {
    provideRuntime((await file("runtime")).buffer);
  } catch (error) {
    return fail(
      `The runtime in this page is damaged (${reason(error)}). The file may be cut off; copy it again, or make it anew: unbraid explore.`,
    );
  }
  const failed = (doing: string, error: unknown) => {
    const part = doing === "encode" ? "encoder" : "decoder";
    fail(
      `The ${part} of "${explorer.model.name}" cannot run (${reason(error)}). The file may be damaged; copy it again, or make it anew: unbraid explore.`,
    );
  };
  const explorer = new Explorer(page, failed);
  const gallery = await Gallery.open(page);
  const broken = (error: unknown) => failed("decode", error);
  try {
    await explorer.decoder();
  } catch (error) {
    return broken(error);
  }
  gallery?.show(explorer);
  stage(explorer, gallery, say);
  choices(explorer, broken);
  link(explorer, say);
  latentPanel(explorer);
  ownImages(explorer, say);
  traversal(explorer, broken);
  between(explorer, broken);
  planePanel(explorer, broken);
  wherePanel(explorer);
  knowsPanel(explorer);
  explorer.show();
  await explorer.settled();
  if (document.body.dataset.state === "error") return;
  state("ready", "Ready");
  explorer.encoder().catch((error: unknown) => failed("encode", error)); // opened early, so that the first stroke is quick
  Object.assign(window, { unbraid: explorer }); // for scripts in the console, and for tests
}

void start();
