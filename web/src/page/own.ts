// Images of the user's own.

import { DrawingPad } from "../lib/drawing";
import type { Explorer } from "./explorer";

export function ownImages(explorer: Explorer, say: (words: string) => void): void {
  const byId = (id: string) => document.getElementById(id) as HTMLInputElement;
  const section = byId("own");
  const { shape } = explorer.page;
  const pad = new DrawingPad(
    document.getElementById("pad") as HTMLCanvasElement,
    shape,
    () => explorer.encode(pad.pixels),
    say,
    document.documentElement,
  );
  const has = () => (section.hidden = explorer.model.encoder === null);
  explorer.on("model", has);
  has();

  const [brush, ink, paint] = [byId("brush"), byId("ink"), byId("paint")];
  brush.max = String(Math.max(3, Math.round(shape[1] / 3)));
  brush.value = String(pad.width);
  brush.addEventListener("input", () => (pad.width = brush.valueAsNumber));
  ink.hidden = shape[0] !== 1;
  paint.hidden = shape[0] === 1;
  ink.addEventListener("input", () => (pad.color = `rgb(${ink.value} ${ink.value} ${ink.value})`));
  paint.addEventListener("input", () => (pad.color = paint.value));
  byId("clear").addEventListener("click", () => pad.clear());
  byId("invert").addEventListener("click", () => pad.invert());
  byId("copy").addEventListener("click", () => {
    const live = document.getElementById("live") as HTMLCanvasElement;
    pad.put(live, live.width, live.height);
  });
  byId("open").addEventListener("change", () => {
    const chosen = byId("open").files?.[0];
    if (chosen) void pad.load(chosen);
    byId("open").value = "";
  });
}
