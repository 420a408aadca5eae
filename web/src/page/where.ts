// Mean code of each latent over the positions of the object.

import { decimal, element, roving } from "../lib/elements";
import { context, diverging } from "../lib/paint";
import { numbers } from "./data";
import type { Explorer } from "./explorer";
import { latentName } from "./names";

const LIMIT = 2; // standard deviations at the ends of the colors, as in reports
const UNSEEN = [200, 200, 200] as const;

export function wherePanel(explorer: Explorer): void {
  const { factors, images } = explorer.page;
  const [x, y] = ["x", "y"].map((name) => factors.findIndex((factor) => factor.name === name));
  const section = document.getElementById("where") as HTMLElement;
  const big = document.getElementById("where-map") as HTMLCanvasElement;
  const small = document.getElementById("where-small") as HTMLElement;
  if (x < 0 || y < 0) return;
  const [columns, rows] = [factors[x].size, factors[y].size];
  let buttons = new Map<number, HTMLButtonElement>();

  const map = (latent: number): Float32Array | null => {
    const { positions } = explorer.moment;
    return positions === null ? null : numbers(positions).subarray(latent * columns * rows, (latent + 1) * columns * rows);
  };
  const draw = (canvas: HTMLCanvasElement, latent: number) => {
    const means = map(latent);
    if (!means) return;
    const { mean, sd } = explorer.moment.latents[latent];
    const data = new ImageData(columns, rows);
    means.forEach((value, i) => {
      const color = Number.isFinite(value) ? diverging((value - mean) / ((sd || 1) * LIMIT)) : UNSEEN;
      data.data.set([...color, 255], 4 * i);
    });
    canvas.width = columns;
    canvas.height = rows;
    context(canvas).putImageData(data, 0, 0);
  };

  const show = () => {
    section.hidden = !explorer.moment.positions;
    if (section.hidden) return;
    const own = explorer.active;
    const name = latentName(own, explorer.moment.latents[own]);
    draw(big, own);
    const seen = Array.from(map(own) ?? []).filter(Number.isFinite);
    const ends = seen.length
      ? `from ${decimal(Math.min(...seen))} (blue) to ${decimal(Math.max(...seen))} (red)`
      : "nothing seen";
    document.getElementById("where-text")!.textContent = `${name}, ${ends}`;
    big.setAttribute("aria-label", `Mean of ${name} at each position of the object, ${ends}`);
    buttons.forEach((button, latent) => {
      draw(button.querySelector("canvas")!, latent);
      const label = latentName(latent, explorer.moment.latents[latent]);
      button.title = label;
      button.setAttribute("aria-label", `Map of ${label}`);
      button.querySelector("span")!.textContent = label;
      button.setAttribute("aria-pressed", String(latent === own));
    });
    mark();
  };
  const mark = () => {
    const { source } = explorer;
    const at = source.kind === "image" && images ? images.factors[source.index] : null;
    const frame = big.parentElement!;
    frame.classList.toggle("marked", at !== null);
    if (!at) return;
    frame.style.setProperty("--x", String((at[x] + 0.5) / columns));
    frame.style.setProperty("--y", String((at[y] + 0.5) / rows));
  };
  const build = () => {
    const { order, moments } = explorer.model;
    const newest = moments[moments.length - 1].latents;
    const live = order.filter((latent) => newest[latent].active);
    buttons = new Map(
      (live.length ? live : order).slice(0, 10).map((latent) => {
        const button = element(
          "button",
          { type: "button" },
          element("canvas", { className: "pixels", width: 1, height: 1 }),
          element("span", {}),
        );
        button.addEventListener("click", () => explorer.setActive(latent));
        return [latent, button];
      }),
    );
    small.replaceChildren(...buttons.values());
    roving([...buttons.values()], () => 1);
  };
  document.getElementById("where-note")!.textContent =
    "The mean code of a latent at each position of the object, over all its other factors. A latent that follows position has a slope; others are flat.";
  explorer.on("model", build);
  explorer.on(["moment", "active"], show);
  explorer.on("source", mark);
  build();
  show();
}
