// What is shown, as the part of the address behind #, so that a link brings it back.

import { MATCHINGS } from "./beside";
import type { Model } from "./data";
import type { Explorer } from "./explorer";

export function link(explorer: Explorer, say: (words: string) => void): void {
  const usual = explorer.matching;
  const place = (model: Model) => explorer.page.models.indexOf(model);
  const write = () => {
    const { page, model, moment, source, codes, moved, followers, matching, usualBeside } = explorer;
    const parts = new URLSearchParams();
    if (model !== page.models[0]) parts.set("model", String(page.models.indexOf(model)));
    const beside = followers.map((one) => one.model);
    if (String(beside.map(place)) !== String(usualBeside.map(place))) parts.set("beside", beside.map(place).join("_"));
    if (matching !== usual) parts.set("match", matching);
    if (moment !== model.moments[model.moments.length - 1]) parts.set("step", String(moment.step));
    if (source.kind === "image") parts.set("image", String(source.index));
    if (moved || source.kind === "own") parts.set("z", Array.from(codes, (code) => Number(code.toFixed(4))).join("_"));
    if (parts.toString() === window.location.hash.slice(1)) return;
    try {
      window.history.replaceState(null, "", `#${parts.toString()}`);
    } catch {
      // a page inside a notebook has no address of its own
    }
  };

  const read = () => {
    const parts = new URLSearchParams(window.location.hash.slice(1));
    const number = (name: string) => (parts.has(name) ? Number(parts.get(name)) : NaN);
    const model = explorer.page.models[number("model")] ?? explorer.page.models[0];
    if (model !== explorer.model) explorer.setModel(model);
    const places = parts.get("beside")?.split("_").filter(Boolean).map(Number);
    const beside = places?.map((index) => explorer.page.models[index]).filter((one) => one && one !== model);
    const matching = MATCHINGS.find((how) => how === parts.get("match")) ?? usual;
    explorer.setBeside([...new Set(beside ?? explorer.usualBeside)], matching);
    const { moments } = model;
    explorer.setMoment(moments.find((one) => one.step === number("step")) ?? moments[moments.length - 1], true);
    const image = number("image");
    if (image in (explorer.page.images?.names ?? [])) explorer.choose(image);
    else explorer.reset();
    const codes = Float32Array.from((parts.get("z") ?? "").split("_"), Number);
    if (parts.get("z") && codes.length === explorer.model.latents && codes.every(Number.isFinite)) {
      if (image >= 0) explorer.setCodes(codes, true);
      else explorer.setFree(codes);
    }
  };

  document.getElementById("share")!.addEventListener("click", () => {
    write();
    const done = explorer.source.kind === "own" ? "Link copied; it holds the codes, not your image" : "Link copied";
    if (!navigator.clipboard) return say("Copy the address of this page: it brings back what is shown");
    navigator.clipboard.writeText(window.location.href).then(
      () => say(done),
      () => say("Copy the address of this page: it brings back what is shown"),
    );
  });
  window.addEventListener("hashchange", read);
  read();
  explorer.on("settled", write);
}
