// Images of the data to choose from.

import { element, roving } from "../lib/elements";
import { context } from "../lib/paint";
import type { Page } from "./data";
import type { Explorer } from "./explorer";

export class Gallery {
  private constructor(private readonly canvases: HTMLCanvasElement[]) {}

  /** Unpack the images of a page. */
  static async open(page: Page): Promise<Gallery | null> {
    const { images, shape } = page;
    if (!images) return null;
    const sprite = new Image();
    sprite.src = images.sprite;
    await sprite.decode();
    const [, height, width] = shape;
    const canvases = images.names.map((_, i) => {
      const canvas = element("canvas", { width, height, className: "pixels" });
      const [column, row] = [i % images.columns, Math.floor(i / images.columns)];
      context(canvas).drawImage(sprite, column * width, row * height, width, height, 0, 0, width, height);
      return canvas;
    });
    return new Gallery(canvases);
  }

  paintOn(canvas: HTMLCanvasElement, index: number): void {
    const from = this.canvases[index];
    canvas.width = from.width;
    canvas.height = from.height;
    context(canvas).drawImage(from, 0, 0);
  }

  /** Buttons for all images. */
  show(explorer: Explorer): void {
    const container = document.getElementById("images") as HTMLElement;
    const buttons = this.canvases.map((canvas, i) => {
      const name = explorer.page.images!.names[i];
      const button = element("button", { type: "button", className: "tile", title: name, set: { "aria-label": name } }, canvas);
      button.addEventListener("click", () => explorer.choose(i));
      return button;
    });
    container.replaceChildren(...buttons);
    roving(buttons, () => Math.max(1, getComputedStyle(container).gridTemplateColumns.split(" ").length));
    document.getElementById("gallery")!.hidden = false;
    const mark = () => {
      const { source } = explorer;
      buttons.forEach((button, i) =>
        button.setAttribute("aria-pressed", String(source.kind === "image" && source.index === i)),
      );
    };
    explorer.on("source", mark);
    mark();
  }
}
