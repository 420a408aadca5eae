// A slider for each latent.

import { decimal, element } from "./elements";

export interface LatentLabel {
  /** As in "z3". */
  name: string;
  /** The factor that it follows, "" for none. */
  follows?: string;
  /** As in "1.8 nats". */
  amount?: string;
  /** From 0 to 1, for the small bar below the amount. */
  share?: number;
}

export interface LatentRange extends LatentLabel {
  low: number;
  high: number;
}

interface Row {
  root: HTMLElement;
  input: HTMLInputElement;
  band: HTMLElement;
  middle: HTMLElement;
  value: HTMLElement;
  follows: HTMLElement;
  amount: HTMLElement;
  bar: HTMLElement;
  low: number;
  high: number;
}

const STEPS = 200;

/**
 * Sliders in a container, one for each latent, in the order given.
 *
 * `changed(latent, value, done)` is told of every move by hand; `done` is true once the hand lets go.
 */
export class LatentSliders {
  private readonly rows = new Map<number, Row>();

  constructor(
    container: HTMLElement,
    order: readonly number[],
    private readonly changed: (latent: number, value: number, done: boolean) => void,
    private readonly picked: (latent: number) => void = () => undefined,
  ) {
    container.replaceChildren(...order.map((latent) => this.make(latent).root));
  }

  private make(latent: number): Row {
    const id = `latent-${latent}`;
    const parts = ["follows", "amount", "value"].map((name) => element("span", { className: name }));
    const [follows, amount, value] = parts;
    const bar = element("i", { set: { "aria-hidden": "true" } });
    const band = element("span", { className: "band", set: { "aria-hidden": "true" }, hidden: true });
    const middle = element("span", { className: "middle", set: { "aria-hidden": "true" }, hidden: true });
    const input = element("input", { type: "range", id });
    const label = element("label", { htmlFor: id }, element("b", {}, `z${latent}`), follows);
    const track = element("span", { className: "track" }, band, middle, input);
    const root = element(
      "div",
      { className: "latent" },
      label,
      element("span", { className: "much" }, amount, bar),
      track,
      value,
    );
    root.dataset.latent = String(latent);
    const row = { root, input, band, middle, value, follows, amount, bar, low: -3, high: 3 };
    input.addEventListener("input", () => this.changed(latent, input.valueAsNumber, false));
    input.addEventListener("change", () => this.changed(latent, input.valueAsNumber, true));
    input.addEventListener("focus", () => this.picked(latent));
    input.addEventListener("pointerdown", () => this.picked(latent));
    this.rows.set(latent, row);
    return row;
  }

  /** Names, amounts and ends of one slider. */
  describe(latent: number, range: LatentRange): void {
    const row = this.rows.get(latent);
    if (!row) return;
    row.low = range.low;
    row.high = range.high;
    row.follows.textContent = range.follows ?? "";
    row.amount.textContent = range.amount ?? "";
    row.bar.style.setProperty("--share", String(range.share ?? 0));
    row.input.min = String(range.low);
    row.input.max = String(range.high);
    row.input.step = String((range.high - range.low) / STEPS);
  }

  /** Move all sliders; nothing is told of it. */
  show(codes: ArrayLike<number>): void {
    for (const [latent, row] of this.rows) {
      row.input.value = String(codes[latent]);
      row.value.textContent = decimal(codes[latent]);
      row.input.setAttribute(
        "aria-valuetext",
        `${decimal(codes[latent])}${row.follows.textContent ? `, ${row.follows.textContent}` : ""}`,
      );
    }
  }

  /** Mark the posterior of an image below each slider, mean \u00b1 one standard deviation, or none. */
  mark(mean: ArrayLike<number> | null, variance: ArrayLike<number> | null): void {
    for (const [latent, row] of this.rows) {
      row.band.hidden = !mean || !variance;
      row.middle.hidden = !mean;
      if (!mean) continue;
      const place = (value: number) => Math.min(1, Math.max(0, (value - row.low) / (row.high - row.low)));
      row.middle.style.setProperty("--at", String(place(mean[latent])));
      if (!variance) continue;
      const sigma = Math.sqrt(variance[latent]);
      row.band.style.setProperty("--from", String(place(mean[latent] - sigma)));
      row.band.style.setProperty("--to", String(place(mean[latent] + sigma)));
      row.band.title = `${decimal(mean[latent])} \u00b1 ${decimal(sigma)}`;
    }
  }

  /** Show which latent was moved last. */
  highlight(latent: number): void {
    for (const [own, row] of this.rows) row.root.classList.toggle("active", own === latent);
  }

  /** Say more of a latent behind its value, such as the KL of an image. */
  annotate(texts: ReadonlyMap<number, string> | null): void {
    for (const [latent, row] of this.rows) row.root.dataset.note = texts?.get(latent) ?? "";
  }
}
