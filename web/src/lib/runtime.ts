// ONNX models of an encoder and a decoder, run by onnxruntime-web in WebAssembly on one thread.

import * as ort from "onnxruntime-web/wasm";

/** Channels, height and width. */
export type Shape = readonly [number, number, number];

/** What turns an encoder's second output into variances. */
export type Spread = "variance" | "log_variance" | "deviation" | "log_deviation";

export interface Images {
  /** Values in [0, 1], image by image, channel by channel, row by row. */
  readonly pixels: Float32Array;
  readonly shape: Shape;
  readonly count: number;
}

export interface Posteriors {
  /** One row of latents an image. */
  readonly mean: Float32Array;
  readonly variance: Float32Array | null;
  readonly latents: number;
}

/** Why this browser cannot run models, in words, or null where it can. */
export function unsupported(): string | null {
  if (typeof WebAssembly === "undefined") {
    return "This browser does not run WebAssembly, or it is switched off. Models cannot run without it; try another browser.";
  }
  if (typeof DecompressionStream === "undefined") {
    return "This browser cannot unpack the models (it has no DecompressionStream). Please update it, or try another one.";
  }
  return null;
}

/** Hand over the WebAssembly file of onnxruntime-web, `ort-wasm-simd-threaded.wasm`, before the first model is opened. */
export function provideRuntime(wasm: ArrayBuffer): void {
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // more would need headers that a file on disk does not have
  ort.env.logLevel = "fatal";
}

// The runtime runs one model at a time; what is asked for meanwhile waits here.
let last: Promise<unknown> = Promise.resolve();

function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const mine = last.then(work, work);
  last = mine.catch(() => undefined);
  return mine;
}

async function open(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return inTurn(() => ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
}

async function run(session: ort.InferenceSession, input: string, values: Float32Array, dims: number[]) {
  return inTurn(() => session.run({ [input]: new ort.Tensor("float32", values, dims) }));
}

function numbers(tensor: ort.Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`an output holds ${tensor.type}, not float32`);
  return tensor.data;
}

export interface DecoderOptions {
  /** Names of input and output; the first ones unless given. */
  input?: string;
  output?: string;
  /** Rows that it takes at once, where that is fixed. */
  batch?: number | null;
}

/** Codes -> images in [0, 1]. */
export class Decoder {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly input: string,
    private readonly output: string,
    private readonly batch: number | null,
  ) {}

  static async open(bytes: Uint8Array, options: DecoderOptions = {}): Promise<Decoder> {
    const session = await open(bytes);
    const { input = session.inputNames[0], output = session.outputNames[0], batch = null } = options;
    return new Decoder(session, input, output, batch);
  }

  /** The images of codes, one row of `latents` numbers each. */
  async decode(codes: Float32Array, latents: number): Promise<Images> {
    const count = codes.length / latents;
    const size = this.batch ?? count;
    const parts: Float32Array[] = [];
    let dims: readonly number[] = [];
    for (let start = 0; start < count; start += size) {
      const rows = new Float32Array(size * latents);
      rows.set(codes.subarray(start * latents, Math.min(count, start + size) * latents));
      const outputs = await run(this.session, this.input, rows, [size, latents]);
      dims = outputs[this.output].dims;
      parts.push(numbers(outputs[this.output]));
    }
    const shape = imageShape(dims);
    return { pixels: joined(parts, count * shape[0] * shape[1] * shape[2]), shape, count };
  }

  async close(): Promise<void> {
    await inTurn(() => this.session.release());
  }
}

export interface EncoderOptions {
  input?: string;
  mean?: string;
  /** Name of the output that says how wide posteriors are, and what it holds; none unless given. */
  spread?: string | null;
  kind?: Spread;
  batch?: number | null;
}

/** Images in [0, 1] -> posterior means and variances. */
export class Encoder {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly options: Required<EncoderOptions>,
  ) {}

  static async open(bytes: Uint8Array, options: EncoderOptions = {}): Promise<Encoder> {
    const session = await open(bytes);
    return new Encoder(session, {
      input: options.input ?? session.inputNames[0],
      mean: options.mean ?? session.outputNames[0],
      spread: options.spread ?? null,
      kind: options.kind ?? "variance",
      batch: options.batch ?? null,
    });
  }

  async encode(pixels: Float32Array, shape: Shape): Promise<Posteriors> {
    const area = shape[0] * shape[1] * shape[2];
    const count = pixels.length / area;
    const { input, mean, spread, kind } = this.options;
    const size = this.options.batch ?? count;
    const means: Float32Array[] = [];
    const spreads: Float32Array[] = [];
    let latents = 0;
    for (let start = 0; start < count; start += size) {
      const rows = new Float32Array(size * area);
      rows.set(pixels.subarray(start * area, Math.min(count, start + size) * area));
      const outputs = await run(this.session, input, rows, [size, ...shape]);
      latents = numbers(outputs[mean]).length / size;
      means.push(numbers(outputs[mean]));
      if (spread) spreads.push(numbers(outputs[spread]));
    }
    const variance = spread ? joined(spreads, count * latents).map(VARIANCE[kind]) : null;
    return { mean: joined(means, count * latents), variance, latents };
  }

  async close(): Promise<void> {
    await inTurn(() => this.session.release());
  }
}

const VARIANCE: Record<Spread, (value: number) => number> = {
  variance: (value) => value,
  log_variance: (value) => Math.exp(value),
  deviation: (value) => value * value,
  log_deviation: (value) => Math.exp(2 * value),
};

function imageShape(dims: readonly number[]): Shape {
  if (dims.length === 4) return [dims[1], dims[2], dims[3]];
  if (dims.length === 3) return [1, dims[1], dims[2]];
  throw new Error(`the decoder gives an output of ${dims.length} dimensions; images have 4: n, channel, height, width`);
}

function joined(parts: Float32Array[], length: number): Float32Array {
  const all = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    const wanted = part.subarray(0, length - at);
    all.set(wanted, at);
    at += wanted.length;
  }
  return all;
}
