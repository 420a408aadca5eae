// Models beside the one whose latents the sliders are, and which of their latents move with it.

import { numbers, type Model } from "./data";

/** Latents that move together: those that follow the same factor, of the same rank by KL, or of the same number. */
export const MATCHINGS = ["factor", "order", "number"] as const;
export type Matching = (typeof MATCHINGS)[number];

export interface Match {
  latent: number;
  /** -1 where the two latents grow in opposite directions. */
  sign: 1 | -1;
}

/** For each latent of a model the latent of another one that moves with it, or null. */
export function matches(lead: Model, other: Model, how: Matching): (Match | null)[] {
  const found = new Array<Match | null>(lead.latents).fill(null);
  if (how === "number") return found.map((_, i) => (i < other.latents ? { latent: i, sign: 1 } : null));
  const free = [...other.order];
  lead.order.forEach((i, rank) => {
    const factor = newest(lead).latents[i].follows;
    const k = how === "order" ? other.order[rank] : factor && free.find((own) => newest(other).latents[own].follows === factor);
    if (typeof k !== "number") return;
    free.splice(free.indexOf(k), 1);
    found[i] = { latent: k, sign: how === "factor" && covariance(lead, i, other, k) < 0 ? -1 : 1 };
  });
  return found;
}

/** The matching that says most: by factor where both models follow some. */
export const bestMatching = (models: readonly Model[]): Matching =>
  models.every((model) => newest(model).latents.some((latent) => latent.follows !== "")) ? "factor" : "order";

const newest = (model: Model) => model.moments[model.moments.length - 1];

/** Of two latents over the same images of the data; 0 where their codes are not in the page. */
function covariance(a: Model, i: number, b: Model, k: number): number {
  const [first, second] = [newest(a).cloud, newest(b).cloud];
  if (first === null || second === null) return 0;
  const [left, right] = [numbers(first), numbers(second)];
  const means = [newest(a).latents[i].mean, newest(b).latents[k].mean];
  let sum = 0;
  for (let n = 0; n < left.length / a.latents; n++) {
    sum += (left[n * a.latents + i] - means[0]) * (right[n * b.latents + k] - means[1]);
  }
  return sum;
}
