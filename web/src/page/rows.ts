// Rows of images: the traversal of a latent, and the way between two images.

import { decimal, element } from "../lib/elements";
import { paint } from "../lib/paint";
import type { Images } from "../lib/runtime";
import { Strip } from "../lib/strip";
import { whenSeen } from "./background";
import type { Explorer, Source } from "./explorer";
import { latentName } from "./names";

const CHUNK = 4; // images decoded before a moving hand gets its turn

/** Decode codes, some at a time, while nothing else is wished; null where something is. */
async function decoded(
  decode: (codes: Float32Array) => Promise<Images | null>,
  codes: Float32Array[],
  current: () => boolean,
): Promise<[Images, number][] | null> {
  const found: [Images, number][] = [];
  for (let start = 0; start < codes.length; start += CHUNK) {
    const part = codes.slice(start, start + CHUNK);
    const flat = new Float32Array(part.length * part[0].length);
    part.forEach((row, i) => flat.set(row, i * row.length));
    const images = await decode(flat);
    if (!images || !current()) return null;
    part.forEach((_, i) => found.push([images, i]));
  }
  return found;
}

/** One row of images for each model on show; heading and images change together. */
export function traversal(explorer: Explorer, failed: (error: unknown) => void): void {
  const byId = (id: string) => document.getElementById(id) as HTMLElement;
  const section = byId("traversal");
  const count = 11;
  let shown: { latent: number; values: number[] } | null = null;
  const chosen = (i: number) => shown && explorer.setLatent(shown.latent, shown.values[i], true);
  const strip = new Strip(byId("traversal-strip"), count, chosen);
  let others: Strip[] = [];
  const mark = () => {
    const busy = shown === null || shown.latent !== explorer.active;
    section.setAttribute("aria-busy", String(busy));
    if (!shown) return;
    const [low, high] = [shown.values[0], shown.values[count - 1]];
    const share = (explorer.codes[shown.latent] - low) / (high - low);
    for (const one of [strip, ...others]) one.highlight(Math.round(share * (count - 1)));
  };
  const refresh = whenSeen(
    section,
    async (current) => {
      const { active, followers, codes, moment } = explorer;
      const { low, high } = moment.latents[active];
      const values = Array.from({ length: count }, (_, i) => low + (i / (count - 1)) * (high - low));
      const rows = values.map((value) => {
        const row = codes.slice();
        row[active] = value;
        return explorer.nearest(row);
      });
      const images = await decoded(explorer.aside(), rows, current);
      if (!images) return;
      const beside: [Images, number][][] = [];
      for (const one of followers) {
        const own = rows.map((row) => explorer.codesOf(one, row));
        const found = await decoded(explorer.aside(one), own, current);
        if (!found) return;
        beside.push(found);
      }
      const name = latentName(active, moment.latents[active]);
      images.forEach(([all, i], place) => strip.show(place, all, i, `${name} at ${decimal(rows[place][active])}`));
      const containers = followers.map((one) =>
        element("div", { className: "strip", set: { role: "group", "aria-label": one.model.name } }),
      );
      others = containers.map((container) => new Strip(container, count, chosen));
      byId("traversal-others").replaceChildren(...containers);
      others.forEach((one, k) =>
        beside[k].forEach(([all, i], place) =>
          one.show(place, all, i, `${followers[k].model.name}, ${name} at ${decimal(rows[place][active])}`),
        ),
      );
      byId("traversal-title").textContent = `Traversal of ${name}`;
      byId("traversal-note").textContent = `From ${decimal(low)} to ${decimal(high)}; the other latents stay as they are.`;
      shown = { latent: active, values };
      mark();
    },
    failed,
  );
  explorer.on(["codes", "active", "moment"], mark);
  explorer.on("model", () => (shown = null));
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
      const decode = explorer.aside();
      const images = await decoded(decode, way, current);
      if (!images) return;
      images.forEach(([all, i], place) => strip.show(place, all, i, `${Math.round((100 * place) / (count - 1))} % of the way`));
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
