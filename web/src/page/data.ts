// What the page was given: a description as JSON, and files as compressed base64 or beside the page.

import { floats, fromBase64, inflate } from "../lib/bytes";
import type { Shape, Spread } from "../lib/runtime";

export interface Latent {
  low: number;
  high: number;
  mean: number;
  sd: number;
  kl: number | null;
  follows: string;
  active: boolean;
}

/** A model at one time of its training. Arrays of numbers are float32 in base64. */
export interface Moment {
  step: number;
  decoder: string;
  /** A decoder of smaller images, for moving hands. */
  preview: string | null;
  latents: Latent[];
  /** Share of each factor's entropy that each latent knows. */
  shares: number[][] | null;
  codebooks: number[][] | null;
  /** Draws from the prior, one row each. */
  draws: string;
  /** Mean code of each latent over the object's position; NaN where there is none. */
  positions: string | null;
  /** Of the images of the page. `kl` has one column, or one a latent. */
  posteriors: { mean: string; variance: string; kl: string } | null;
  /** Means of some images of the data. */
  cloud: string | null;
}

export interface Model {
  name: string;
  command: string;
  steps: number;
  latents: number;
  order: number[];
  decoder: { input: string; output: string; batch: number | null };
  encoder: { file: string; input: string; mean: string; spread: string | null; kind: Spread; batch: number | null } | null;
  /** Whether posteriors and prior are normal and independent, so that the KL of any image follows. */
  normal: boolean;
  moments: Moment[];
}

export interface Page {
  format: 1;
  data: string;
  shape: Shape;
  factors: { name: string; size: number }[];
  /** Factor codes of the images of each cloud, one row each. */
  cloud: number[][];
  /** Some images of the data on one picture, side by side. */
  images: { sprite: string; columns: number; names: string[]; factors: number[][] } | null;
  models: Model[];
}

export function readPage(): Page {
  const found = document.getElementById("unbraid-data")?.textContent ?? "";
  const page = JSON.parse(found) as Page;
  if (page.format !== 1) throw new Error(`it is of format ${String(page.format)}, and this page reads 1`);
  return page;
}

/** A file that the page carries, or that lies beside it. */
export async function file(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const holder = document.getElementById(`file-${name}`);
  if (!holder) throw new Error(`the page does not hold ${name}`);
  const beside = holder.dataset.src;
  if (!beside) return inflate(fromBase64(holder.textContent ?? ""));
  const answer = await fetch(beside);
  if (!answer.ok) throw new Error(`${beside} is not there (${answer.status})`);
  return inflate(new Uint8Array(await answer.arrayBuffer()));
}

const kept = new Map<string, Float32Array>();

/** Numbers of a moment, unpacked once. */
export function numbers(text: string): Float32Array {
  let found = kept.get(text);
  if (!found) kept.set(text, (found = floats(text)));
  return found;
}

export const row = (all: Float32Array, index: number, width: number): Float32Array =>
  all.subarray(index * width, (index + 1) * width);
