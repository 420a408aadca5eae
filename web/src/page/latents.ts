// The panel of sliders.

import { LatentSliders } from "../lib/sliders";
import type { Explorer } from "./explorer";
import { nats, words } from "./names";

export function latentPanel(explorer: Explorer): void {
  const changed = (latent: number, value: number, done: boolean) => explorer.setLatent(latent, value, done);
  const picked = (latent: number) => explorer.setActive(latent);
  const byId = (id: string) => document.getElementById(id) as HTMLElement;
  const dead = byId("dead") as HTMLDetailsElement;
  let groups: LatentSliders[] = [];

  const build = () => {
    const { order, moments } = explorer.model;
    const newest = moments[moments.length - 1].latents;
    const some = newest.some((latent) => latent.active);
    const live = order.filter((latent) => !some || newest[latent].active);
    const rest = order.filter((latent) => !live.includes(latent));
    groups = [
      new LatentSliders(byId("sliders"), live, changed, picked),
      new LatentSliders(byId("dead-sliders"), rest, changed, picked),
    ];
    dead.hidden = rest.length === 0;
    dead.querySelector("summary")!.textContent =
      rest.length === 1 ? "1 latent that says nothing of the image" : `${rest.length} latents that say nothing of the image`;
  };

  const describe = () => {
    const { latents } = explorer.moment;
    const most = Math.max(...latents.map((latent) => latent.kl ?? 0), 1e-9);
    const books = explorer.moment.codebooks;
    latents.forEach((latent, j) => {
      const range = {
        name: `z${j}`,
        low: latent.low,
        high: latent.high,
        follows: words(latent.follows),
        amount: nats(latent.kl),
        share: (latent.kl ?? 0) / most,
      };
      for (const group of groups) group.describe(j, range);
    });
    byId("latents-note").textContent = books
      ? "Each latent takes the values of its codebook; sliders jump to the nearest."
      : latents.some((latent) => latent.kl !== null)
        ? "The most informative first, by their KL in nats per image, with the factor that each follows."
        : "";
  };

  const mark = () => {
    const posterior = explorer.posterior();
    const perLatent = posterior?.kl && posterior.kl.length === explorer.model.latents ? posterior.kl : null;
    const notes = perLatent && new Map(Array.from(perLatent, (kl, j) => [j, `this image: ${nats(kl)}`]));
    for (const group of groups) {
      group.mark(posterior?.mean ?? null, posterior?.variance ?? null);
      group.annotate(notes);
    }
  };
  const show = () => groups.forEach((group) => group.show(explorer.codes));
  const highlight = () => groups.forEach((group) => group.highlight(explorer.active));

  explorer.on("model", build);
  explorer.on("moment", () => {
    describe();
    mark();
    show();
  });
  explorer.on("source", mark);
  explorer.on("codes", show);
  explorer.on("active", highlight);
  build();
  describe();
  mark();
  show();
  highlight();
}
