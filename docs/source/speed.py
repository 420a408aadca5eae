"""Write docs/speed.md from the results that the benchmarks left.

python docs/source/speed.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tables import markdown

TEXT = Path(__file__).with_suffix(".md")
ROOT = TEXT.parents[2]
PAGE = ROOT / "docs" / "speed.md"
NAMES = ("step", "games", "growth", "connected", "feed", "memory", "start", "runs", "metrics", "evaluations")


def main() -> None:
    found = {name: json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text()) for name in NAMES}
    page = TEXT.read_text()
    parts = {name: own_machine(found, name) + globals()[name](found[name]) for name in NAMES}
    parts |= {
        "quality": quality(ROOT / "benchmarks" / "results" / "time_to_quality.json"),
        "device": device(ROOT / "benchmarks" / "results" / "device.json"),
        "machine": machine(found),
        "plain": found["step"]["plain"],
        "flops": f"{found['connected']['operations an image'] / 1e6:.1f}",
        "more": f"{found['feed']['larger over smaller']:.2f}",
    }
    for name, text in parts.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    PAGE.write_text(page)


def machine(found: dict[str, Any]) -> str:
    """What the page says of the machine: that of most results."""
    loads = [one["machine"]["load before"] for one in found.values()]
    return (
        f"{said(usual(found))}, unless a section names another machine; load when a measurement was written down: "
        f"{min(loads):.1f} to {max(loads):.1f}."
    )


def own_machine(found: dict[str, Any], name: str) -> str:
    """What a section says of its machine, where it is another."""
    own = known(found[name])
    return "" if own == usual(found) else f"{said(own)}. Compare times of this section with each other alone.\n\n"


def usual(found: dict[str, Any]) -> dict[str, Any]:
    machines = [known(one) for one in found.values()]
    return max(machines, key=machines.count)


def known(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result["machine"].items() if key != "load before"}


def said(about: dict[str, Any]) -> str:
    return (
        f"Measured on {about['processor']}, {about['cores']} cores, with unbraid {about['unbraid']}, PyTorch {about['torch']}, "
        f"Python {about['python']}"
    )


def as_kept(result: dict[str, Any]) -> str:
    return markdown(result["head"], result["rows"])


step = connected = as_kept


def quality(path: Path) -> str:
    """The section on time to quality; empty until that was measured."""
    if not path.is_file():
        return ""
    result = json.loads(path.read_text())
    on = ", ".join(f"{name} {result['machine'][name]}" for name in ("processor", "unbraid", "torch"))
    on += f"; load at the end {result['machine']['load before']:.1f}"
    head = ["side", "seeds", "reached it", "steps", "seconds", "seconds per 1,000 steps"]
    return (
        f"## Time to quality\n\n`python benchmarks/time_to_quality.py` ({on}): `unbraid train beta_vae ellipses` and the same "
        f"model in a plain loop, until MIG of {result['scored']:,} images is {result['target']} or {result['steps']:,} steps "
        f"are done, looked at every {result['every']} steps. Seconds of one core, without the looking; medians over the seeds "
        f"that reached it.\n\n{markdown(head, result['rows'])}\n\n"
    )


def device(path: Path) -> str:
    """What was measured on a GPU, or that nothing was."""
    if not path.is_file():
        return "It was not run on one for this page."
    result = json.loads(path.read_text())
    parts = [f"{name.capitalize()}:\n\n{as_kept(own)}" for name, own in result.items() if "rows" in own]
    return "\n\n".join([f"Here on {result['device']}.", *parts])


def games(result: dict[str, Any]) -> str:
    return markdown(["model", "images per second", "times a VAE's step", "by multiplications"], result["rows"])


def evaluations(result: dict[str, Any]) -> str:
    return markdown(["pixels", "seconds an evaluation", "share of the time"], result["rows"])


def growth(result: dict[str, Any]) -> str:
    rows = result["microseconds an image"]
    first = next(iter(rows.values()))
    return markdown(["case", "µs an image", "times the first"], [[n, f"{v:,.0f}", f"{v / first:.2f}"] for n, v in rows.items()])


def feed(result: dict[str, Any]) -> str:
    rows = [[name, f"{one['images']:,}", f"{one['per second']:,.0f}"] for name, one in result["sets"].items()]
    return markdown(["data", "images", "images per second"], rows)


def memory(result: dict[str, Any]) -> str:
    return markdown(["all of dSprites", "peak, MB"], [[name, f"{value:,.0f}"] for name, value in result["peak MB"].items()])


def start(result: dict[str, Any]) -> str:
    return markdown(["command", "seconds"], [[f"`{name}`", f"{value:.2f}"] for name, value in result["seconds"].items()])


def runs(result: dict[str, Any]) -> str:
    if result["gain"] is None:
        return "The machine was too restless to say what that gains."
    return f"{result['workers']} workers train {result['gain']:.2f} times as many images per second as one."


def metrics(result: dict[str, Any]) -> str:
    procedures = [
        [name, f"**{one['procedure'] / one['ours']:.1f}**", seconds(one["ours"]), seconds(one["procedure"])]
        for name, one in result["procedures"].items()
    ]
    growth = [
        [f"{one['samples']:,}", *(str(one[part]) for part in ("latents", "factors")), *(seconds(one[part]) for part in KINDS)]
        for one in result["growth"]
    ]
    times = [[f"`{name}`", seconds(value)] for name, value in result["metrics"].items()]
    more = {
        "continuous": ("Those that read continuous factors, where all five are continuous:", "metric"),
        "large": ("All core metrics, 100,000 samples, 20 latents, 10 factors:", "continuous factors"),
    }
    added = [
        part
        for name, (title, head) in more.items()
        if name in result  # results of before have none
        for part in (title, markdown([head, "seconds"], [[f"`{own}`", seconds(s)] for own, s in result[name].items()]))
    ]
    return "\n\n".join(
        [
            "Beside the published procedures as they are usually written, with the same results (draws: nearly):",
            markdown(["procedure", "ratio", "ours, s", "procedure, s"], procedures),
            "Information between latents and factors, by size:",
            markdown(["samples", "latents", "factors", "MIG from bins, s", "posteriors, s", "with correction, s"], growth),
            "All metrics, 10,000 samples, 10 latents, 5 factors:",
            markdown(["metric", "seconds"], times),
            *added,
        ]
    )


KINDS = ("bins", "posterior", "adjusted")


def seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


if __name__ == "__main__":
    main()
