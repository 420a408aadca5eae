// Which model, and which time of its training.

import { element } from "../lib/elements";
import type { Matching } from "./beside";
import type { Explorer } from "./explorer";
import { gridOf } from "./grid";
import { count } from "./names";

const FRAME = 700; // milliseconds between times while training plays

export function choices(explorer: Explorer, failed: (error: unknown) => void): void {
  const byId = (id: string) => document.getElementById(id) as HTMLElement;
  const models = byId("model") as HTMLSelectElement;
  const time = byId("time") as HTMLInputElement;
  const play = byId("play") as HTMLButtonElement;
  let playing = 0;

  models.replaceChildren(...explorer.page.models.map((model, i) => element("option", { value: String(i) }, model.name)));
  byId("model-field").hidden = explorer.page.models.length < 2;
  byId("beside-field").hidden = explorer.page.models.length < 2 || explorer.settings.length > 0;
  if (explorer.settings.length) gridOf(explorer, byId("grid"), [byId("model-label"), models]);
  const boxes = explorer.page.models.map((model, i) => {
    const box = element("input", { type: "checkbox", id: `beside-${i}` });
    box.addEventListener("change", () => explorer.setBeside(explorer.page.models.filter((_, k) => boxes[k].checked)));
    byId("beside").append(element("label", { htmlFor: box.id, title: model.name }, box, element("span", {}, model.name)));
    return box;
  });
  const match = byId("match") as HTMLSelectElement;
  const shown = () => explorer.followers.map((one) => one.model);
  match.addEventListener("change", () => explorer.setBeside(shown(), match.value as Matching));
  const showBeside = () => {
    boxes.forEach((box, i) => {
      const model = explorer.page.models[i];
      box.parentElement!.hidden = model === explorer.model;
      box.checked = shown().includes(model);
    });
    match.value = explorer.matching;
    byId("match-field").hidden = shown().length === 0;
  };
  explorer.on(["model", "beside"], showBeside);
  showBeside();
  models.addEventListener("change", () => explorer.setModel(explorer.page.models[Number(models.value)]));

  const stop = () => {
    window.clearInterval(playing);
    playing = 0;
    play.textContent = "▶";
    play.setAttribute("aria-label", "Play training");
  };
  const to = (index: number, done: boolean) => explorer.setMoment(explorer.model.moments[index], done);
  const start = async () => {
    play.textContent = "❚❚";
    play.setAttribute("aria-label", "Stop");
    playing = -1;
    // opened first, so that all take the same time to show
    for (const moment of explorer.model.moments) await explorer.decoder(moment);
    if (!playing) return;
    const last = explorer.model.moments.length - 1;
    if (explorer.moment === explorer.model.moments[last]) to(0, true);
    playing = window.setInterval(() => {
      const next = explorer.model.moments.indexOf(explorer.moment) + 1;
      to(Math.min(next, last), true);
      if (next >= last) stop();
    }, FRAME);
  };
  play.addEventListener("click", () => (playing ? stop() : start().catch(failed)));
  const prepare = () => explorer.model.moments.forEach((moment) => explorer.decoder(moment).catch(failed));
  time.addEventListener("pointerenter", prepare, { once: true });
  time.addEventListener("focus", prepare, { once: true });
  time.addEventListener("input", () => {
    stop();
    to(time.valueAsNumber, false);
  });
  time.addEventListener("change", () => to(time.valueAsNumber, true));

  const show = () => {
    const { moments, steps } = explorer.model;
    byId("time-field").hidden = moments.length < 2;
    models.value = String(explorer.page.models.indexOf(explorer.model));
    time.max = String(moments.length - 1);
    time.value = String(moments.indexOf(explorer.moment));
    const words = explorer.moment.step === 0 ? "before training" : `step ${count(explorer.moment.step)} of ${count(steps)}`;
    byId("time-text").textContent = words;
    time.setAttribute("aria-valuetext", words);
    byId("about").textContent = `${words}: ${explorer.model.command}`;
    byId("about").hidden = explorer.model.command === "";
  };
  explorer.on("model", stop);
  explorer.on(["model", "moment"], show);
  show();
}
