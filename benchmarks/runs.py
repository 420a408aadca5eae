"""Several runs at once beside one: how much more a machine trains with as many workers as cores.

    python benchmarks/runs.py [--rounds 5]

One worker and several, each a process group of its own, in turns: seconds until all their runs are trained by
`unbraid.train_many`, less those of runs that end at once (start, data). Writes benchmarks/results/runs.json.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from statistics import median

from racing import keep, ratio, shown, table

from unbraid.parallel import train_many

STEPS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    cores = len(os.sched_getaffinity(0))
    taken: dict[int, list[float]] = {1: [], cores: []}
    for _ in range(rounds):
        for workers, seconds in taken.items():
            seconds.append(train(workers))
    gain = ratio([cores * s for s in taken[1]], taken[cores])
    rows = [[str(w), f"{w * STEPS * 64 / median(s):,.0f}"] for w, s in taken.items()]
    print(table(["workers", "images a second, all together"], rows))
    print(
        f"\n{cores} workers do {shown(gain)} times what one does: {shown(None if gain is None else gain / cores)} of {cores}."
    )
    keep("runs", {"workers": cores, "gain": gain, "steps": STEPS, "seconds": {str(w): s for w, s in taken.items()}})


def train(workers: int) -> float:
    """Seconds for as many runs as workers, of which the first step's are taken away."""
    with tempfile.TemporaryDirectory() as folder:
        marks: list[float] = []
        runs = [
            {
                "model": "vae",
                "data": "ellipses",
                "size": 64,
                "steps": steps,
                "seed": seed,
                "device": "cpu",
                "out": f"{folder}/{seed}",
            }
            for seed, steps in enumerate([2] * workers + [STEPS + 2] * workers)
        ]
        train_many(runs, workers=workers, done=lambda i, became: marks.append(time.perf_counter()))
    return marks[-1] - marks[workers - 1]


if __name__ == "__main__":
    main()
