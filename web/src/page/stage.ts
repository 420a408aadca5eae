// The large image, where it came from, and what can be done with it.

import { paint } from "../lib/paint";
import { decimal, element } from "../lib/elements";
import type { Explorer } from "./explorer";
import type { Gallery } from "./gallery";
import { latentName } from "./names";

const SAVED = 512; // pixels that a saved image is at least wide, by whole multiples

export function stage(explorer: Explorer, gallery: Gallery | null, say: (words: string) => void): void {
  const byId = (id: string) => document.getElementById(id) as HTMLElement;
  const live = byId("live") as HTMLCanvasElement;
  const original = byId("original") as HTMLCanvasElement;

  // a panel for each model beside the first; its name takes the sliders
  let panels: HTMLElement[] = [];
  const screens = byId("screens");
  const build = () => {
    const { followers, model, page } = explorer;
    panels = followers.map((one) => {
      const name = element("button", { type: "button", title: "Let the sliders be those of this model" }, one.model.name);
      name.addEventListener("click", () => explorer.setModel(one.model));
      const canvas = element("canvas", { width: 1, height: 1, className: "pixels", set: { role: "img" } });
      canvas.setAttribute("aria-label", `The image decoded by ${one.model.name}`);
      return element(
        "figure",
        {},
        element("div", { className: "screen" }, canvas),
        element("figcaption", {}, name, element("span", {})),
      );
    });
    screens.replaceChildren(screens.firstElementChild!, ...panels);
    document.body.dataset.shown = String(Math.min(3, 1 + followers.length));
    byId("lead-name").hidden = page.models.length < 2;
    byId("lead-name").textContent = model.name;
    show();
    captions();
  };
  const show = () => {
    if (explorer.image) paint(live, explorer.image);
    explorer.followers.forEach((one, i) => one.image && paint(panels[i].querySelector("canvas")!, one.image));
  };
  const captions = () =>
    explorer.followers.forEach((one, i) => {
      const match = one.match[explorer.active];
      panels[i].querySelector("span")!.textContent = match
        ? `${latentName(match.latent, one.moment.latents[match.latent])} moves with z${explorer.active}`
        : `no latent moves with z${explorer.active}`;
    });
  explorer.on("image", show);
  explorer.on(["model", "beside"], build);
  explorer.on("active", captions);
  build();

  const given = () => {
    const { source } = explorer;
    const posterior = explorer.posterior();
    byId("given").hidden = source.kind === "free";
    if (source.kind === "own") paint(original, { pixels: source.pixels, shape: explorer.page.shape, count: 1 });
    if (source.kind === "image") gallery?.paintOn(original, source.index);
    const total = posterior?.kl ? posterior.kl.reduce((sum, value) => sum + value, 0) : null;
    const what =
      source.kind === "own" ? "your image" : source.kind === "image" ? (explorer.page.images?.names[source.index] ?? "") : "";
    byId("given-text").textContent = total === null ? what : `${what}\nKL ${decimal(total, 1)} nats`;
  };
  explorer.on(["source", "moment"], given);
  given();

  const save = () => {
    if (!explorer.image) return;
    const times = Math.max(1, Math.ceil(SAVED / live.width));
    const canvas = document.createElement("canvas");
    canvas.width = live.width * times;
    canvas.height = live.height * times;
    const area = canvas.getContext("2d")!;
    area.imageSmoothingEnabled = false;
    area.drawImage(live, 0, 0, canvas.width, canvas.height);
    const link = document.createElement("a");
    link.download = `${explorer.page.data}-${Array.from(explorer.codes.slice(0, 4), (code) => code.toFixed(2)).join("_")}.png`;
    link.href = canvas.toDataURL("image/png");
    link.click();
    say("Image saved");
  };
  // style sheets for phones let what is above the image scroll away
  const screen = screens;
  new ResizeObserver(() => byId("stage").style.setProperty("--lead", String(screen.offsetTop - 8))).observe(byId("stage"));

  byId("reset").addEventListener("click", () => explorer.reset());
  byId("sample").addEventListener("click", () => explorer.sample());
  byId("save").addEventListener("click", save);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLSelectElement || (event.target instanceof HTMLInputElement && event.target.type === "text"))
      return;
    const button = { r: "reset", p: "sample", s: "save", l: "share" }[event.key.toLowerCase()];
    if (button) byId(button).click();
  });
}
