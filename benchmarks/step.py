"""Images a second in training, beside the plain PyTorch step, and as a share of what the machine's matrix product allows.

    python benchmarks/step.py [--rounds 8] [--only vae-64-64-1 ...]

Every side is a process of its own on the same cores, in turns. Ours is all of `unbraid train`: drawing images, the step,
logging, checks. The plain one has its images ready. Writes benchmarks/results/step.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import ours
import plain
from racing import RESULTS, Side, keep, race, ratio, shown, table, take_turns

HERE = Path(__file__).parent
CASES = (
    ("vae", 64, 64, 1),
    ("vae", 64, 64, 2),
    ("vae", 64, 256, 1),
    ("vae", 64, 256, 2),
    ("vae", 32, 64, 1),
    ("factor_vae", 64, 64, 1),
    ("sbd_vae", 64, 16, 1),
)
"""Model, pixels, images a step, threads."""
FLOPS = {("vae", 64): 73.7e6}
"""Multiplications and additions of a training step for an image, without the gradient of the images themselves."""
PRODUCT = 2048
HEAD = [
    "model",
    "pixels",
    "images a step",
    "threads",
    "ratio",
    "ours, images/s",
    "plain, images/s",
    "product, GFLOP/s",
    "share",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    print(f"plain: {plain.SETTINGS}\nours: {ours.SETTINGS}\n", flush=True)
    found = []
    for case in CASES:
        if not given.only or "-".join(map(str, case)) in given.only:
            found.append(measure(*case, given.rounds))
            print({name: value for name, value in found[-1].items() if name != "seconds"}, flush=True)
    cases = sorted(
        [*others(found), *found], key=lambda one: (one["model"] != "vae", -one["size"], one["batch"], one["threads"])
    )
    rows = [row(one) for one in cases]
    print("\n" + table(HEAD, rows))
    keep("step", {"plain": plain.SETTINGS, "ours": ours.SETTINGS, "head": HEAD, "rows": rows, "cases": cases})


def others(found: list[dict]) -> list[dict]:
    """What was measured before of other cases: those that were refused can be measured again alone."""
    path = RESULTS / "step.json"
    before = json.loads(path.read_text())["cases"] if path.is_file() else []
    now = {name_of(one) for one in found}
    return [one for one in before if name_of(one) not in now]


def name_of(one: dict) -> tuple:
    return one["model"], one["size"], one["batch"], one["threads"]


def measure(model: str, size: int, batch: int, threads: int, rounds: int) -> dict:
    arguments = [model, str(size), str(batch)]
    sides = {
        "plain": Side([str(HERE / "plain.py"), *arguments], threads),
        "ours": Side([str(HERE / "ours.py"), *arguments], threads),
        "product": Side([str(Path(__file__)), "product"], threads),
    }
    with ExitStack() as stack:
        taken = race({name: stack.enter_context(side) for name, side in sides.items()}, rounds)
    gflops = 2 * PRODUCT**3 / median(taken["product"]) / 1e9
    speed = batch / median(taken["ours"])
    flops = FLOPS.get((model, size))
    return {
        "model": model,
        "size": size,
        "batch": batch,
        "threads": threads,
        "ratio": ratio(taken["plain"], taken["ours"]),
        "plain": batch / median(taken["plain"]),
        "ours": speed,
        "product": gflops,
        "share": None if flops is None else speed * flops / 1e9 / gflops,
        "seconds": taken,
    }


def row(one: dict) -> list[str]:
    return [
        f"`{one['model']}`",
        str(one["size"]),
        str(one["batch"]),
        str(one["threads"]),
        f"**{shown(one['ratio'])}**",
        f"{one['ours']:,.0f}",
        f"{one['plain']:,.0f}",
        f"{one['product']:.0f}",
        "" if one["share"] is None else f"{100 * one['share']:.0f} %",
    ]


def product() -> None:
    import torch

    a = torch.rand(PRODUCT, PRODUCT)
    take_turns(lambda amount: [a @ a for _ in range(amount)])


if __name__ == "__main__":
    product() if sys.argv[1:] == ["product"] else main()
