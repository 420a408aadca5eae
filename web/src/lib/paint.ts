// Images on canvases, and numbers as colors.

import type { Images, Shape } from "./runtime";

/** Pixels of one of the images for a canvas. One channel is gray, two are red and green, of more the first three show. */
export function imageData(images: Images, index = 0): ImageData {
  const [channels, height, width] = images.shape;
  const area = height * width;
  const start = index * channels * area;
  const data = new ImageData(width, height);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const own = channels === 1 ? 0 : c;
      data.data[4 * i + c] = own < channels ? Math.round(255 * images.pixels[start + own * area + i]) : 0;
    }
    data.data[4 * i + 3] = 255;
  }
  return data;
}

/** Draw one image on a canvas, which takes its size; style sheets enlarge it. */
export function paint(canvas: HTMLCanvasElement, images: Images, index = 0): void {
  const data = imageData(images, index);
  if (canvas.width !== data.width || canvas.height !== data.height) {
    canvas.width = data.width;
    canvas.height = data.height;
  }
  context(canvas).putImageData(data, 0, 0);
}

/** Pixels of a canvas as values in [0, 1]; one channel takes the luminance. */
export function pixelsOf(data: ImageData, shape: Shape): Float32Array {
  const [channels, height, width] = shape;
  const area = height * width;
  const pixels = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) {
    const [red, green, blue] = data.data.subarray(4 * i, 4 * i + 3);
    if (channels === 1) pixels[i] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
    else [red, green, blue].slice(0, channels).forEach((value, c) => (pixels[c * area + i] = value / 255));
  }
  return pixels;
}

export function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const found = canvas.getContext("2d", { willReadFrequently: true });
  if (!found) throw new Error("this browser gives no canvas to draw on");
  return found;
}

type Color = readonly [number, number, number];

// ColorBrewer RdBu, as reports have it, from low to high.
const DIVERGING: readonly Color[] = [
  [5, 48, 97],
  [33, 102, 172],
  [67, 147, 195],
  [146, 197, 222],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [244, 165, 130],
  [214, 96, 77],
  [178, 24, 43],
  [103, 0, 31],
];
// viridis, from low to high.
const HUES: readonly Color[] = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [109, 205, 89],
  [180, 222, 44],
  [253, 231, 37],
];

function along(colors: readonly Color[], share: number): Color {
  const place = Math.min(1, Math.max(0, share)) * (colors.length - 1);
  const below = Math.min(colors.length - 2, Math.floor(place));
  const part = place - below;
  const mix = (c: number) => Math.round(colors[below][c] * (1 - part) + colors[below + 1][c] * part);
  return [mix(0), mix(1), mix(2)];
}

/** From blue (-1) over white (0) to red (1). */
export const diverging = (value: number): Color => along(DIVERGING, (value + 1) / 2);
/** From violet (0) over green to yellow (1). */
export const hue = (value: number): Color => along(HUES, value);
export const css = ([red, green, blue]: Color): string => `rgb(${red} ${green} ${blue})`;
