// Rows of images: the traversal of a latent, and the way between two images.

import { decimal } from "../lib/elements";
import { paint } from "../lib/paint";
import { Strip } from "../lib/strip";
import { whenSeen } from "./background";
import type { Explorer, Source } from "./explorer";
import { latentName } from "./names";

const CHUNK = 4; // images decoded before a moving hand gets its turn

/** Decode codes, some at a time, into a strip while nothing else is wished. */
async function fill(
  explorer: Explorer,
  strip: Strip,
  codes: Float32Array[],
  labels: string[],
  current: () => boolean,
): Promise<void> {
  const { latents } = explorer.model;
  const decode = explorer.aside();
  for (let start = 0; start < codes.length; start += CHUNK) {
    const part = codes.slice(start, start + CHUNK);
    const flat = new Float32Array(part.length * latents);
    part.forEach((row, i) => flat.set(row, i * latents));
    const images = await decode(flat);
    if (!images || !current()) return;
    part.forEach((_, i) => strip.show(start + i, images, i, labels[start + i]));
  }
}

export function traversal(explorer: Explorer, failed: (error: unknown) => void): void {
  const section = document.getElementById("traversal") as HTMLElement;
  const count = 11;
  const ends = () => explorer.moment.latents[explorer.active];
  const value = (i: number) => ends().low + (i / (count - 1)) * (ends().high - ends().low);
  const strip = new Strip(document.getElementById("traversal-strip") as HTMLElement, count, (i) =>
    explorer.setLatent(explorer.active, value(i), true),
  );
  const refresh = whenSeen(
    section,
    async (current) => {
      const own = latentName(explorer.active, ends());
      const codes = Array.from({ length: count }, (_, i) => {
        const row = explorer.codes.slice();
        row[explorer.active] = value(i);
        return explorer.nearest(row);
      });
      await fill(
        explorer,
        strip,
        codes,
        codes.map((row) => `${own} at ${decimal(row[explorer.active])}`),
        current,
      );
    },
    failed,
  );
  const mark = () => {
    const share = (explorer.codes[explorer.active] - ends().low) / (ends().high - ends().low);
    strip.highlight(Math.round(share * (count - 1)));
    document.getElementById("traversal-note")!.textContent =
      `${latentName(explorer.active, ends())} from ${decimal(ends().low)} to ${decimal(ends().high)}, the others as they are. Choose another latent by its slider.`;
  };
  explorer.on(["codes", "active", "moment"], mark);
  explorer.on("settled", refresh);
  mark();
  refresh();
}

export function between(explorer: Explorer, failed: (error: unknown) => void): void {
  const section = document.getElementById("between") as HTMLElement;
  const mix = document.getElementById("mix") as HTMLInputElement;
  const count = 9;
  const buttons = ["take-a", "take-b"].map((id) => document.getElementById(id) as HTMLButtonElement);
  // ends are images where they can be, so that they follow when the model or its time changes
  let ends: [Source, Float32Array][] = [];

  const first = () => {
    const { latents } = explorer.moment;
    const last = (explorer.page.images?.names.length ?? 0) - 1;
    ends = [0, last].map((index, k) => [
      last > 0 ? { kind: "image", index } : { kind: "free" },
      Float32Array.from(latents, (latent) => latent.mean + (k ? latent.sd : -latent.sd)),
    ]);
  };
  const codes = (k: number) => {
    const [source, own] = ends[k];
    return (source.kind === "image" && explorer.posterior(source)?.mean) || own;
  };
  const at = (share: number) => explorer.nearest(codes(0).map((value, j) => value * (1 - share) + codes(1)[j] * share));
  const strip = new Strip(document.getElementById("between-strip") as HTMLElement, count, (i) => {
    mix.valueAsNumber = i / (count - 1);
    explorer.setFree(at(mix.valueAsNumber));
  });
  const refresh = whenSeen(
    section,
    async (current) => {
      const way = Array.from({ length: count }, (_, i) => at(i / (count - 1)));
      await fill(
        explorer,
        strip,
        way,
        way.map((_, i) => `${Math.round((100 * i) / (count - 1))} % of the way`),
        current,
      );
      const decode = explorer.aside();
      for (const [k, button] of buttons.entries()) {
        const images = await decode(explorer.nearest(codes(k)));
        if (!images || !current()) return;
        paint(button.querySelector("canvas")!, images);
      }
    },
    failed,
  );
  buttons.forEach((button, k) =>
    button.addEventListener("click", () => {
      ends[k] = [explorer.moved ? { kind: "free" } : explorer.source, explorer.codes.slice()];
      mix.valueAsNumber = k;
      refresh();
    }),
  );
  mix.addEventListener("input", () => explorer.setFree(at(mix.valueAsNumber), false));
  mix.addEventListener("change", () => explorer.setFree(at(mix.valueAsNumber)));
  explorer.on("model", first);
  explorer.on("moment", refresh);
  first();
  refresh();
}
