"""Images a second that one core makes ready for training, and whether a step costs more with ten times the data.

    python benchmarks/feed.py

All of dSprites, drawn from its geometry and memory-mapped bit-packed (drawn once, a minute). Writes
benchmarks/results/feed.json.
"""

from __future__ import annotations

import time
from statistics import median

import torch
from racing import keep, shown, table

from unbraid.data.dataset import load_dataset
from unbraid.data.draws import Batches
from unbraid.training.fit import load_images

BATCH, BATCHES, ROUNDS = 64, 200, 9


def main() -> None:
    torch.set_num_threads(1)
    sets = {"dsprites": load_dataset("dsprites"), "ellipses, 64 px": load_dataset("ellipses", size=64)}
    taken = {name: [] for name in sets}
    for i in range(-1, ROUNDS):
        for name, data in sets.items():
            seconds = feed(data, i)
            if i >= 0:
                taken[name].append(seconds)
    rows = {name: {"images": len(data), "per second": BATCH * BATCHES / median(taken[name])} for name, data in sets.items()}
    more = median(taken["dsprites"]) / median(taken["ellipses, 64 px"])
    print(
        table(
            ["data", "images", "images a second"], [[n, f"{r['images']:,}", f"{r['per second']:,.0f}"] for n, r in rows.items()]
        )
    )
    print(f"\nA batch of the larger set takes {shown(more)} times as long.")
    keep("feed", {"batch": BATCH, "sets": rows, "larger over smaller": more, "seconds": taken})


def feed(data: object, turn: int) -> float:
    """Seconds for drawing batches and making them what a network takes, the order of the epoch known."""
    draws, device = Batches(1), torch.device("cpu")
    first = turn * BATCHES % 800
    draws.indices(data, BATCH, 0, 0)  # the permutation, once an epoch
    began = time.perf_counter()
    for step in range(first, first + BATCHES):
        (index,) = draws.indices(data, BATCH, 0, step)
        load_images(data, index, device)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
