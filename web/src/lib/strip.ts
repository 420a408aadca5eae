// A row of small images, such as a traversal; each can be chosen.

import { element, roving } from "./elements";
import { paint } from "./paint";
import type { Images } from "./runtime";

/** Buttons in a container with one image each. */
export class Strip {
  readonly buttons: HTMLButtonElement[];
  private readonly canvases: HTMLCanvasElement[];

  constructor(container: HTMLElement, count: number, chosen: (index: number) => void) {
    this.canvases = Array.from({ length: count }, () => element("canvas", { width: 1, height: 1, className: "pixels" }));
    this.buttons = this.canvases.map((canvas, i) => {
      const button = element(
        "button",
        { type: "button", className: "tile", set: { "aria-label": `image ${i + 1} of ${count}` } },
        canvas,
      );
      button.addEventListener("click", () => chosen(i));
      return button;
    });
    container.replaceChildren(...this.buttons);
    roving(this.buttons, () => count);
  }

  /** Put an image into a place, and say what it is. */
  show(place: number, images: Images, index: number, label: string): void {
    paint(this.canvases[place], images, index);
    this.buttons[place].setAttribute("aria-label", label);
    this.buttons[place].title = label;
  }

  /** Mark the places that show what is chosen now. */
  highlight(place: number): void {
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === place)));
  }
}
