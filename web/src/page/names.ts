// How the page speaks of latents, steps and factors.

import { decimal } from "../lib/elements";
import type { Latent } from "./data";

export const words = (name: string): string => name.replaceAll("_", " ");
export const count = (value: number): string => value.toLocaleString("en");

/** As in "z3 scale". */
export const latentName = (index: number, latent: Latent): string => `z${index} ${words(latent.follows)}`.trim();

/** As in "1.8 nats". */
export function nats(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "";
  return `${decimal(value, Math.abs(value) >= 0.095 || value === 0 ? 1 : 2)} nats`;
}
