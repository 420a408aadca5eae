// A pad to draw on, or to drop an image on.

import { context, pixelsOf } from "./paint";
import type { Shape } from "./runtime";

/**
 * Makes a canvas a drawing pad for images of a shape. `changed` is told of every stroke.
 * Files that are dropped on `target` are fitted into the square, whole and in the middle.
 */
export class DrawingPad {
  color = "#ffffff";
  /** Width of the brush in pixels of the image. */
  width: number;
  private at: [number, number] | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly shape: Shape,
    private readonly changed: () => void,
    private readonly failed: (words: string) => void = () => undefined,
    target: HTMLElement = canvas,
  ) {
    canvas.height = shape[1];
    canvas.width = shape[2];
    canvas.style.touchAction = "none"; // strokes do not scroll the page
    this.width = Math.max(1, Math.round(shape[1] / 12));
    this.clear(false);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.at = null;
      this.stroke(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.stroke(one);
    });
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      target.classList.add("over");
    });
    target.addEventListener("dragleave", () => target.classList.remove("over"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      target.classList.remove("over");
      const file = event.dataTransfer?.files[0];
      if (file) void this.load(file);
    });
  }

  /** Values in [0, 1] of what is on the pad. */
  get pixels(): Float32Array {
    return pixelsOf(context(this.canvas).getImageData(0, 0, this.canvas.width, this.canvas.height), this.shape);
  }

  clear(tell = true): void {
    const area = context(this.canvas);
    area.fillStyle = "#000000";
    area.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (tell) this.changed();
  }

  /** Put another picture on the pad. */
  put(source: CanvasImageSource, width: number, height: number): void {
    const area = context(this.canvas);
    this.clear(false);
    const times = Math.min(this.canvas.width / width, this.canvas.height / height);
    const [w, h] = [width * times, height * times];
    area.imageSmoothingEnabled = times !== 1;
    area.imageSmoothingQuality = "high";
    area.drawImage(source, (this.canvas.width - w) / 2, (this.canvas.height - h) / 2, w, h);
    this.changed();
  }

  /** Turn black to white and white to black. */
  invert(): void {
    const area = context(this.canvas);
    const data = area.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 0; i < data.data.length; i++) if (i % 4 !== 3) data.data[i] = 255 - data.data[i];
    area.putImageData(data, 0, 0);
    this.changed();
  }

  /** Put an image file on the pad. */
  async load(file: Blob): Promise<void> {
    try {
      const picture = await createImageBitmap(file);
      this.put(picture, picture.width, picture.height);
      picture.close();
    } catch {
      this.failed("That file is no image that this browser can read. Give a PNG, JPEG, WebP or GIF file.");
    }
  }

  private stroke(event: PointerEvent): void {
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.canvas.width;
    const y = ((event.clientY - box.top) / box.height) * this.canvas.height;
    const [fromX, fromY] = this.at ?? [x, y];
    const area = context(this.canvas);
    area.strokeStyle = this.color;
    area.lineWidth = this.width;
    area.lineCap = "round";
    area.lineJoin = "round";
    area.beginPath();
    area.moveTo(fromX, fromY);
    area.lineTo(x, y + (fromX === x && fromY === y ? 0.01 : 0)); // a tap makes a dot
    area.stroke();
    this.at = [x, y];
    this.changed();
  }
}
