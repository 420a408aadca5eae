// What the page was given: a description as JSON, and files in the page or beside it.
// The interfaces have the fields of the records in src/unbraid/explorer/content.py, which a test compares.

import { floats, fromBase85, inflate } from "../lib/bytes";
import type { Spread } from "../lib/runtime";

export interface Latent {
  low: number;
  high: number;
  mean: number;
  sd: number;
  kl: number | null;
  follows: string;
  active: boolean;
}

/** Of the images of the page, as arrays. `kl` has one column, or one per latent. */
export interface Posteriors {
  mean: string;
  variance: string;
  kl: string;
}

/** A model at one time of its training. Arrays of numbers are float32 in base64. */
export interface Moment {
  step: number;
  decoder: string;
  /** A decoder of smaller images, for moving hands. */
  preview: string | null;
  latents: Latent[];
  /** Share of each factor's entropy that each latent knows. */
  shares: (number | null)[][] | null;
  codebooks: number[][] | null;
  /** Draws from the prior, one row each; null where they are those of the last time. */
  draws: string | null;
  /** Mean code of each latent over the object's position; NaN where there is none. */
  positions: string | null;
  posteriors: Posteriors | null;
  /** Means of some images of the data. */
  cloud: string | null;
}

export interface DecoderPart {
  input: string;
  output: string;
  batch: number | null;
}

export interface EncoderPart {
  file: string;
  input: string;
  mean: string;
  spread: string | null;
  kind: Spread;
  batch: number | null;
}

export interface ModelPart {
  name: string;
  /** What the models of the page differ in, by name, where they are a grid; else empty. */
  settings: Record<string, number>;
  command: string;
  steps: number;
  latents: number;
  order: number[];
  decoder: DecoderPart;
  encoder: EncoderPart | null;
  /** Whether posteriors and prior are normal and independent, so that the KL of any image follows. */
  normal: boolean;
  moments: Moment[];
}

export interface FactorPart {
  name: string;
  size: number;
}

/** Some images of the data on one picture, side by side. */
export interface ImagesPart {
  sprite: string;
  columns: number;
  names: string[];
  factors: number[][];
}

export interface Tensor {
  offset: number;
  length: number;
  step: number;
}

/** A network whose weights are whole numbers times the step of their tensor, put into a graph. */
export interface Network {
  graph: string;
  weights: string;
  /** The network to whose numbers these are added. */
  later: string | null;
  tensors: Tensor[];
}

export interface PageData {
  data: string;
  shape: [number, number, number];
  factors: FactorPart[];
  /** Factor codes of the images of each cloud, one row each. */
  cloud: number[][];
  images: ImagesPart | null;
  models: ModelPart[];
  networks: Record<string, Network>;
  format: 2;
}

export type Page = PageData;
export type Model = ModelPart;

export function readPage(): Page {
  const found = document.getElementById("unbraid-data")?.textContent ?? "";
  const page = JSON.parse(found) as Page;
  if (page.format !== 2) throw new Error(`it is of format ${String(page.format)}, and this page reads 2`);
  return page;
}

/** A file that the page carries, or that lies beside it. */
export async function file(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const holder = document.getElementById(`file-${name}`);
  if (!holder) throw new Error(`the page does not hold ${name}`);
  const beside = holder.dataset.src;
  if (!beside) return inflate(fromBase85(holder.textContent ?? ""));
  const answer = await fetch(beside);
  if (!answer.ok) throw new Error(`${beside} is not there (${answer.status})`);
  return inflate(new Uint8Array(await answer.arrayBuffer()));
}

const opened = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
const counted = new Map<string, Promise<Int16Array>>();

function once<Value>(map: Map<string, Promise<Value>>, name: string, make: () => Promise<Value>): Promise<Value> {
  let found = map.get(name);
  if (!found) map.set(name, (found = make()));
  return found;
}

/** An ONNX file: as the page has it, or put together from a graph and weights. */
export async function network(page: PageData, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const about = page.networks[name];
  if (!about) return file(name);
  const bytes = (await once(opened, about.graph, () => file(about.graph))).slice();
  const view = new DataView(bytes.buffer);
  const whole = await wholeNumbers(page, about);
  let start = 0;
  for (const { offset, length, step } of about.tensors) {
    for (let i = 0; i < length; i++) view.setFloat32(offset + 4 * i, whole[start + i] * step, true);
    start += length;
  }
  return bytes;
}

/** Weights in steps of their tensors: stored folded (0, 1, 2, 3 are 0, -1, 1, -2), low bytes first, then high bytes. */
function wholeNumbers(page: PageData, about: Network): Promise<Int16Array> {
  return once(counted, about.weights, async () => {
    const planes = await file(about.weights);
    const later = about.later === null ? null : await wholeNumbers(page, page.networks[about.later]);
    const length = planes.length / 2;
    return Int16Array.from({ length }, (_, i) => {
      const folded = planes[i] | (planes[length + i] << 8);
      return ((folded >>> 1) ^ -(folded & 1)) + (later ? later[i] : 0);
    });
  });
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
