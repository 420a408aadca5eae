// What each latent knows of each factor, at the time that is shown.

import { element } from "../lib/elements";
import type { Explorer } from "./explorer";
import { words } from "./names";

const SHOWN = 12;

export function knowsPanel(explorer: Explorer): void {
  const section = document.getElementById("knows") as HTMLElement;
  const table = document.getElementById("knows-table") as HTMLTableElement;
  const { factors } = explorer.page;

  const show = () => {
    const { shares, latents } = explorer.moment;
    section.hidden = !shares;
    if (!shares) return;
    document.getElementById("knows-note")!.textContent =
      "The share of each factor's entropy that a latent knows, adjusted for chance. Disentangled, every column has one dark cell" +
      (explorer.model.moments.length > 1 ? "; move the training time to watch it come about." : ".");
    const known = factors.map((_, k) => k).filter((k) => shares[0][k] !== null); // the others are not scored
    const head = element(
      "thead",
      {},
      element("tr", {}, element("td", {}), ...known.map((k) => element("th", { scope: "col" }, words(factors[k].name)))),
    );
    const rows = explorer.model.order.slice(0, SHOWN).map((j) => {
      const cells = known.map((k) => {
        const shown = latents[j].active ? (shares[j][k] ?? 0) : 0; // the decoder does not hear what noise drowns
        const cell = element("td", {
          style: `--share: ${shown}`,
          className: shown > 0.77 ? "high full" : shown > 0.6 ? "high" : "",
        });
        cell.textContent = `${Math.round(100 * shown)} %`;
        return cell;
      });
      const row = element("tr", {}, element("th", { scope: "row" }, `z${j}`), ...cells);
      row.classList.toggle("active", j === explorer.active);
      return row;
    });
    table.replaceChildren(head, element("tbody", {}, ...rows));
  };
  explorer.on(["moment", "active"], show);
  show();
}
