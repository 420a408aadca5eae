// What the page shows now: which model, at which time, which codes, and where they came from.

import { Latest } from "../lib/latest";
import { Decoder, Encoder, type Images, type Posteriors } from "../lib/runtime";
import { bestMatching, matches, type Match, type Matching } from "./beside";
import { network, numbers, row, type Model, type Moment, type Page } from "./data";

export type Source =
  | { kind: "image"; index: number }
  | { kind: "own"; pixels: Float32Array; posteriors: ReadonlyMap<Model, Posteriors> }
  | { kind: "free" };

export interface Posterior {
  mean: Float32Array;
  variance: Float32Array | null;
  /** In nats, one number or one a latent; none where it is not known. */
  kl: Float32Array | null;
}

/**
 * - model: another model; - beside: other models beside it, or latents matched in another way; - moment: another time of its training; - source: another image or none;
 * - codes: latents moved; - active: another latent is looked at; - image: a new image was decoded;
 * - settled: nothing moves any more.
 */
export type Change = "model" | "beside" | "moment" | "source" | "codes" | "active" | "image" | "settled";

/** A model beside the one whose latents the sliders are, which it follows. */
export interface Follower {
  readonly model: Model;
  /** At the time nearest to that of the model that it follows. */
  readonly moment: Moment;
  /** Of each latent of the model that it follows, its own latent that moves with it. */
  readonly match: readonly (Match | null)[];
  image: Images | null;
}

const MOST_BESIDE = 3; // models beside the first, unless asked for more
const REST = 140; // milliseconds after which a hand is taken to rest

export class Explorer {
  model: Model;
  moment: Moment;
  matching: Matching;
  followers: Follower[] = [];
  codes: Float32Array;
  source: Source = { kind: "free" };
  active = 0;
  /** Whether codes were moved since they were taken from the source. */
  moved = false;
  image: Images | null = null;
  /** Milliseconds that each decode for a moving hand took, from the wish to the painted image. */
  readonly latencies: number[] = [];

  private readonly listeners = new Map<Change, (() => void)[]>();
  private readonly decoders = new Map<string, Promise<Decoder>>();
  private readonly encoders = new Map<string, Promise<Encoder>>();
  private readonly live: Latest<{ asked: number; fast: boolean }>;
  private readonly own: Latest<Float32Array>;
  private rest = 0;
  private draw = 0;

  constructor(
    readonly page: Page,
    failed: (doing: string, error: unknown) => void,
  ) {
    this.model = page.models[0];
    this.moment = this.model.moments[this.model.moments.length - 1];
    this.codes = this.middle();
    this.matching = bestMatching(page.models);
    this.follow(this.usualBeside);
    this.active = this.model.order[0];
    this.live = new Latest(
      (wish) => this.decodeNow(wish),
      (error) => failed("decode", error),
    );
    this.own = new Latest(
      (pixels) => this.encodeNow(pixels),
      (error) => failed("encode", error),
    );
  }

  on(changes: Change | Change[], listener: () => void): void {
    for (const change of [changes].flat()) {
      this.listeners.set(change, [...(this.listeners.get(change) ?? []), listener]);
    }
  }

  private tell(...changes: Change[]): void {
    for (const change of changes) for (const listener of this.listeners.get(change) ?? []) listener();
  }

  /** The middle of the posteriors: mean code of each latent. */
  middle(moment: Moment = this.moment): Float32Array {
    return this.nearest(
      Float32Array.from(moment.latents, (latent) => latent.mean),
      moment,
    );
  }

  /** Codes that the decoder has learned: of quantized latents the nearest values of their codebooks. */
  nearest(codes: Float32Array, moment: Moment = this.moment): Float32Array {
    const books = moment.codebooks;
    if (!books) return codes;
    return codes.map((code, j) =>
      books[j].reduce((best, value) => (Math.abs(value - code) < Math.abs(best - code) ? value : best)),
    );
  }

  /** q(z|x) of an image; of the one that the codes came from unless given. */
  posterior(source: Source = this.source, { model, moment }: Pick<Follower, "model" | "moment"> = this): Posterior | null {
    if (source.kind === "own") {
      const own = source.posteriors.get(model);
      if (!own) return null;
      const { mean, variance } = own;
      const known = model.normal && variance;
      return { mean, variance, kl: known ? mean.map((m, j) => (m * m + variance[j] - 1 - Math.log(variance[j])) / 2) : null };
    }
    if (source.kind === "free" || !moment.posteriors) return null;
    const { mean, variance, kl } = moment.posteriors;
    const all = numbers(kl);
    const wide = all.length / (this.page.images?.names.length ?? 1);
    return {
      mean: row(numbers(mean), source.index, model.latents),
      variance: row(numbers(variance), source.index, model.latents),
      kl: row(all, source.index, wide),
    };
  }

  /** What the models differ in, where they are a grid; they are then shown one at a time. */
  get settings(): string[] {
    return Object.keys(this.page.models[0].settings);
  }

  /** The models beside the first unless others are chosen. */
  get usualBeside(): Model[] {
    if (this.settings.length) return [];
    return this.page.models.filter((model) => model !== this.model).slice(0, MOST_BESIDE);
  }

  setBeside(models: readonly Model[], matching: Matching = this.matching): void {
    this.matching = matching;
    this.follow(models);
    this.tell("beside");
    this.changed(true);
  }

  private follow(models: readonly Model[]): void {
    const { moments } = this.model;
    const last = this.moment === moments[moments.length - 1];
    this.followers = models.map((model) => {
      const distance = (moment: Moment) => (last ? -moment.step : Math.abs(moment.step - this.moment.step));
      const moment = model.moments.reduce((best, one) => (distance(one) < distance(best) ? one : best));
      const before = this.followers.find((one) => one.moment === moment);
      return { model, moment, match: matches(this.model, model, this.matching), image: before?.image ?? null };
    });
  }

  /** Codes of a model that follows: its own of the same image, moved by as many standard deviations as the sliders were. */
  codesOf(follower: Follower, codes: Float32Array = this.codes): Float32Array {
    const { moment, match } = follower;
    const from = this.posterior()?.mean ?? this.middle();
    const own = (this.posterior(this.source, follower)?.mean ?? this.middle(moment)).slice();
    match.forEach((to, j) => {
      if (!to) return;
      const moved = (codes[j] - from[j]) / (this.moment.latents[j].sd || 1);
      own[to.latent] += to.sign * moved * moment.latents[to.latent].sd;
    });
    return this.nearest(own, moment);
  }

  setModel(model: Model): void {
    const beside = this.followers.map((one) => (one.model === model ? this.model : one.model));
    this.model = model;
    this.moment = model.moments[model.moments.length - 1];
    this.active = model.order[0];
    if (this.source.kind !== "image") this.source = { kind: "free" };
    this.takeFromSource();
    this.follow(beside.filter((one) => one !== model));
    this.tell("model", "beside", "moment", "source", "active");
    this.changed(true);
  }

  setMoment(moment: Moment, done: boolean): void {
    if (moment !== this.moment) {
      this.moment = moment;
      if (this.source.kind === "own") {
        this.source = { kind: "free" }; // its codes are of the encoder of another time
        this.moved = true;
      }
      if (this.moved) this.codes = this.nearest(this.codes);
      else this.takeFromSource();
      this.follow(this.followers.map((one) => one.model));
      this.tell("moment", "beside", "source");
    }
    this.changed(done);
  }

  setCodes(codes: Float32Array, done: boolean): void {
    this.codes = this.nearest(codes);
    this.moved = true;
    this.changed(done);
  }

  /** Codes that belong to no image. */
  setFree(codes: Float32Array, done = true): void {
    const before = this.source.kind;
    this.source = { kind: "free" };
    this.codes = this.nearest(codes);
    this.moved = true;
    if (before !== "free") this.tell("source");
    this.changed(done);
  }

  setLatent(latent: number, value: number, done: boolean): void {
    const codes = this.codes.slice();
    codes[latent] = value;
    this.setActive(latent);
    this.setCodes(codes, done);
  }

  setActive(latent: number): void {
    if (latent === this.active) return;
    this.active = latent;
    this.tell("active");
    this.settleSoon();
  }

  /** Take the codes of an image of the data. */
  choose(index: number): void {
    this.source = { kind: "image", index };
    this.takeFromSource();
    this.tell("source");
    this.changed(true);
  }

  /** Encode an image of the user's, and take its codes. */
  encode(pixels: Float32Array): void {
    this.own.ask(pixels);
  }

  reset(): void {
    this.source = { kind: "free" };
    this.takeFromSource();
    this.tell("source");
    this.changed(true);
  }

  /** Codes drawn from the model's prior; the draws were made with the page. */
  sample(): void {
    const { moments } = this.model;
    const draws = numbers(this.moment.draws ?? moments[moments.length - 1].draws ?? "");
    const count = draws.length / this.model.latents;
    this.setFree(row(draws, this.draw++ % count, this.model.latents).slice());
  }

  /**
   * What decodes codes that are no wish of a moving hand, by the decoder of now, while none is under way.
   * It gives null once another model or time is shown.
   */
  aside({ model, moment }: Pick<Follower, "model" | "moment"> = this): (codes: Float32Array) => Promise<Images | null> {
    const shown = () => moment === this.moment || this.followers.some((one) => one.moment === moment);
    return async (codes) => {
      const decoder = await this.decoder(moment, model);
      await this.live.settled();
      if (!shown()) return null;
      const images = await decoder.decode(codes, model.latents);
      return shown() ? images : null;
    };
  }

  async encoder(model: Model = this.model): Promise<Encoder | null> {
    const about = model.encoder;
    if (!about) return null;
    let opened = this.encoders.get(about.file);
    if (!opened) {
      opened = network(this.page, about.file).then((bytes) => Encoder.open(bytes, about));
      this.encoders.set(about.file, opened);
    }
    return opened;
  }

  /** The decoder of a time, or its smaller one; opened once. */
  decoder(moment: Moment = this.moment, model: Model = this.model, small = false): Promise<Decoder> {
    const name = (small && moment.preview) || moment.decoder;
    let opened = this.decoders.get(name);
    if (!opened) {
      opened = network(this.page, name).then((bytes) => Decoder.open(bytes, model.decoder));
      this.decoders.set(name, opened);
    }
    return opened;
  }

  /** Decode what is chosen. */
  show(): void {
    this.changed(true);
  }

  async settled(): Promise<void> {
    await this.own.settled();
    await this.live.settled();
  }

  private takeFromSource(): void {
    const posterior = this.posterior();
    this.codes = posterior ? posterior.mean.slice() : this.middle();
    this.moved = false;
  }

  private changed(done: boolean): void {
    this.tell("codes");
    this.live.ask({ asked: performance.now(), fast: !done });
    this.settleSoon();
  }

  /** Tell once nothing moves any more. */
  settleSoon(): void {
    window.clearTimeout(this.rest);
    this.rest = window.setTimeout(() => {
      if (this.shownSmall) this.live.ask({ asked: performance.now(), fast: false });
      void this.live.settled().then(() => this.tell("settled"));
    }, REST);
  }

  /** Whether the image on show is smaller than the model's. */
  private get shownSmall(): boolean {
    return this.image !== null && this.image.shape[1] !== this.page.shape[1];
  }

  private async decodeNow({ asked, fast }: { asked: number; fast: boolean }): Promise<void> {
    const { model, moment } = this;
    const decoder = await this.decoder(moment, model, fast);
    if (moment !== this.moment) return; // a wish for that one waits already
    const image = await decoder.decode(this.codes, model.latents);
    if (moment !== this.moment) return;
    this.image = image;
    this.tell("image");
    if (fast) this.latencies.push(performance.now() - asked);
    for (const one of this.followers) {
      const own = await this.decoder(one.moment, one.model, fast);
      one.image = await own.decode(this.codesOf(one), one.model.latents);
    }
    if (this.followers.length) this.tell("image");
  }

  private async encodeNow(pixels: Float32Array): Promise<void> {
    const { model } = this;
    const encoder = await this.encoder();
    if (!encoder) return;
    const posterior = await encoder.encode(pixels, this.page.shape);
    const posteriors = new Map([[model, posterior]]);
    for (const one of this.followers) {
      const own = await this.encoder(one.model);
      if (own) posteriors.set(one.model, await own.encode(pixels, this.page.shape));
    }
    if (model !== this.model) return;
    this.source = { kind: "own", pixels, posteriors };
    const newest = model.moments[model.moments.length - 1];
    const before = this.moment !== newest;
    this.moment = newest; // the encoder is that of the end of training
    this.codes = posterior.mean.slice();
    this.moved = false;
    if (before) this.follow(this.followers.map((one) => one.model));
    this.tell(...(before ? (["moment"] as const) : []), "source");
    this.changed(true);
  }
}
