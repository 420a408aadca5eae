// Models of a grid: a slider for each setting in which they differ.

import { element } from "../lib/elements";
import type { Explorer } from "./explorer";

/** Puts sliders into a holder, in the place of a list of models. */
export function gridOf(explorer: Explorer, holder: HTMLElement, list: HTMLElement[]): void {
  const { models } = explorer.page;
  for (const one of list) one.hidden = true;
  holder.hidden = false;
  const sliders = explorer.settings.map((name, i) => {
    const values = [...new Set(models.map((model) => model.settings[name]))].sort((a, b) => a - b);
    const input = element("input", { type: "range", id: `grid-${i}`, min: "0", max: String(values.length - 1), step: "1" });
    const output = element("output", {});
    output.htmlFor.add(input.id);
    input.addEventListener("input", choose);
    holder.append(element("label", { htmlFor: input.id }, `${name} `, output), input);
    return { name, values, input, output };
  });

  /** The model that has the values of all sliders: there is one, since the models are a grid. */
  function choose(): void {
    const model = models.find((one) =>
      sliders.every(({ name, values, input }) => one.settings[name] === values[input.valueAsNumber]),
    );
    if (model && model !== explorer.model) explorer.setModel(model);
  }

  const show = () => {
    for (const { name, values, input, output } of sliders) {
      const value = explorer.model.settings[name];
      input.value = String(values.indexOf(value));
      output.textContent = String(value);
      input.setAttribute("aria-valuetext", `${name} ${value}`);
    }
  };
  explorer.on("model", show);
  show();
}
