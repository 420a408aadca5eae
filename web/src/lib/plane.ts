// A plane of two latents, with images as its ground, codes as dots, and a point to drag.

import { context, imageData } from "./paint";
import type { Images } from "./runtime";

export interface Axis {
  name: string;
  low: number;
  high: number;
}

export interface Dot {
  x: number;
  y: number;
  color: string;
}

/**
 * Makes a canvas a plane. The horizontal axis grows to the right and the vertical one upwards.
 * `moved(x, y, done)` is told where the point is dragged, or moved by arrow keys.
 */
export class LatentPlane {
  private tiles: (HTMLCanvasElement | null)[] = [];
  private axes: [Axis, Axis] = [
    { name: "", low: -3, high: 3 },
    { name: "", low: -3, high: 3 },
  ];
  private dots: readonly Dot[] = [];
  private point: [number, number] = [0, 0];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    /** Images along each side. */
    readonly side: number,
    private readonly moved: (x: number, y: number, done: boolean) => void,
  ) {
    canvas.tabIndex = 0;
    canvas.style.touchAction = "none";
    canvas.setAttribute("role", "application");
    const drag = (event: PointerEvent, done: boolean) => this.to(...this.under(event), done);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      drag(event, false);
    });
    canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && drag(event, false));
    canvas.addEventListener("pointerup", (event) => drag(event, true));
    canvas.addEventListener("keydown", (event) => {
      const steps: Record<string, [number, number]> = {
        ArrowRight: [1, 0],
        ArrowLeft: [-1, 0],
        ArrowUp: [0, 1],
        ArrowDown: [0, -1],
      };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const [x, y] = this.axes.map((axis, k) => this.point[k] + (step[k] * (axis.high - axis.low)) / 50);
      this.to(x, y, true);
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** New axes; images and dots of the old ones go. */
  setAxes(x: Axis, y: Axis): void {
    this.axes = [x, y];
    this.tiles = [];
    this.dots = [];
    this.draw();
  }

  setDots(dots: readonly Dot[]): void {
    this.dots = dots;
    this.draw();
  }

  setPoint(x: number, y: number): void {
    this.point = [x, y];
    const [across, up] = this.axes;
    this.canvas.setAttribute(
      "aria-label",
      `Plane of ${across.name} and ${up.name}: at ${x.toFixed(2)}, ${y.toFixed(2)}. Arrow keys move.`,
    );
    this.draw();
  }

  /** The values of both latents in the middle of a tile, row by row from the upper left. */
  valuesAt(tile: number): [number, number] {
    const [x, y] = this.axes;
    const column = tile % this.side;
    const row = Math.floor(tile / this.side);
    const share = (place: number) => (place + 0.5) / this.side;
    return [x.low + share(column) * (x.high - x.low), y.high - share(row) * (y.high - y.low)];
  }

  /** Fill tiles from `first` on. */
  setTiles(first: number, images: Images): void {
    for (let i = 0; i < images.count; i++) {
      const tile = document.createElement("canvas");
      tile.width = images.shape[2];
      tile.height = images.shape[1];
      context(tile).putImageData(imageData(images, i), 0, 0);
      this.tiles[first + i] = tile;
    }
    this.draw();
  }

  private under(event: PointerEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = this.axes;
    return [
      x.low + ((event.clientX - box.left) / box.width) * (x.high - x.low),
      y.high - ((event.clientY - box.top) / box.height) * (y.high - y.low),
    ];
  }

  private to(x: number, y: number, done: boolean): void {
    const [across, up] = this.axes;
    const within = (value: number, axis: Axis) => Math.min(axis.high, Math.max(axis.low, value));
    this.setPoint(within(x, across), within(y, up));
    this.moved(...this.point, done);
  }

  private draw(): void {
    const ratio = window.devicePixelRatio || 1;
    const size = Math.round((this.canvas.clientWidth || 1) * ratio);
    if (this.canvas.width !== size || this.canvas.height !== size) this.canvas.width = this.canvas.height = size;
    const area = context(this.canvas);
    area.clearRect(0, 0, size, size);
    area.imageSmoothingEnabled = false;
    this.tiles.forEach((tile, i) => {
      if (!tile) return;
      const edge = (place: number) => Math.round((place * size) / this.side);
      const [column, row] = [i % this.side, Math.floor(i / this.side)];
      area.drawImage(tile, edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
    });
    const place = (x: number, y: number): [number, number] => {
      const [across, up] = this.axes;
      return [((x - across.low) / (across.high - across.low)) * size, ((up.high - y) / (up.high - up.low)) * size];
    };
    for (const dot of this.dots) {
      area.fillStyle = dot.color;
      area.beginPath();
      area.arc(...place(dot.x, dot.y), 2.2 * ratio, 0, 2 * Math.PI);
      area.fill();
    }
    for (const [color, width] of [
      ["#000000", 5],
      ["#ffffff", 2],
    ] as const) {
      area.strokeStyle = color;
      area.lineWidth = width * ratio;
      area.beginPath();
      area.arc(...place(...this.point), 8 * ratio, 0, 2 * Math.PI);
      area.stroke();
    }
  }
}
