// The panel with the plane of two latents.

import { element } from "../lib/elements";
import { css, hue } from "../lib/paint";
import { LatentPlane } from "../lib/plane";
import { whenSeen } from "./background";
import { numbers } from "./data";
import type { Explorer } from "./explorer";
import { latentName, words } from "./names";

const PLAIN = "rgb(255 255 255 / 0.9)";

export function planePanel(explorer: Explorer, failed: (error: unknown) => void): void {
  const byId = (id: string) => document.getElementById(id) as HTMLSelectElement;
  const section = document.getElementById("plane") as HTMLElement;
  const [across, up, dots] = ["plane-x", "plane-y", "plane-dots"].map(byId);
  let [x, y] = [0, 0];
  const plane = new LatentPlane(document.getElementById("plane-canvas") as HTMLCanvasElement, 9, (a, b, done) => {
    const codes = explorer.codes.slice();
    codes[x] = a;
    codes[y] = b;
    explorer.setCodes(codes, done);
  });

  const axis = (latent: number) => ({
    ...explorer.moment.latents[latent],
    name: latentName(latent, explorer.moment.latents[latent]),
  });
  const fill = () => {
    const { order } = explorer.model;
    const options = () => order.map((j) => element("option", { value: String(j) }, axis(j).name));
    across.replaceChildren(...options());
    up.replaceChildren(...options());
    [x, y] = [order[0], order[Math.min(1, order.length - 1)]];
    across.value = String(x);
    up.value = String(y);
  };
  const factors = explorer.page.factors;
  const hasCloud = () => explorer.moment.cloud !== null;
  dots.replaceChildren(
    element("option", { value: "none" }, "hidden"),
    element("option", { value: "plain" }, "white"),
    ...factors.map((factor, k) => element("option", { value: String(k) }, `by ${words(factor.name)}`)),
  );
  dots.value = "none";

  const scatter = () => {
    document.getElementById("plane-dots-field")!.hidden = !hasCloud();
    if (!explorer.moment.cloud || dots.value === "none") return plane.setDots([]);
    const means = numbers(explorer.moment.cloud);
    const width = explorer.model.latents;
    const k = Number(dots.value);
    const color = (i: number) =>
      dots.value === "plain" ? PLAIN : css(hue(explorer.page.cloud[i][k] / Math.max(1, factors[k].size - 1)));
    plane.setDots(
      Array.from({ length: means.length / width }, (_, i) => ({
        x: means[i * width + x],
        y: means[i * width + y],
        color: color(i),
      })),
    );
  };

  // the images show the other latents as they are, so they are made anew when one of those moved
  let ground = "";
  const refresh = whenSeen(
    section,
    async (current) => {
      const base = explorer.codes.slice();
      const own = [explorer.moment.decoder, x, y, ...base.map((code, j) => (j === x || j === y ? 0 : code))].join();
      if (own === ground) return;
      const decode = explorer.aside();
      for (let first = 0; first < plane.side ** 2; first += 3) {
        const flat = new Float32Array(3 * base.length);
        for (let i = 0; i < 3; i++) {
          const codes = base.slice();
          [codes[x], codes[y]] = plane.valuesAt(first + i);
          flat.set(explorer.nearest(codes), i * base.length);
        }
        const images = await decode(flat);
        if (!images || !current()) return;
        plane.setTiles(first, images);
      }
      ground = own;
    },
    failed,
  );
  const axes = () => {
    [x, y] = [Number(across.value), Number(up.value)];
    ground = "";
    plane.setAxes(axis(x), axis(y));
    plane.setPoint(explorer.codes[x], explorer.codes[y]);
    document.getElementById("plane-note")!.textContent =
      `Drag, or use the arrow keys. ${axis(x).name} grows to the right, ${axis(y).name} upwards; the others stay as they are.`;
    scatter();
    refresh();
  };
  explorer.on("model", fill);
  explorer.on("moment", axes);
  explorer.on("codes", () => plane.setPoint(explorer.codes[x], explorer.codes[y]));
  explorer.on("settled", refresh);
  across.addEventListener("change", axes);
  up.addEventListener("change", axes);
  dots.addEventListener("change", scatter);
  fill();
  axes();
}
