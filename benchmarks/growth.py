"""How the time of a training step grows with image size, channels, latents and images a step.

    python benchmarks/growth.py [--rounds 5]

One core; every case a process of its own, in turns. Writes benchmarks/results/growth.json.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from racing import Side, keep, race, table

OURS = str(Path(__file__).parent / "ours.py")
CASES = {
    "32 px, 64 a step, 10 latents": ("32", "64"),
    "64 px": ("64", "64"),
    "28 px": ("28", "64", "encoder=golla", "decoder=golla"),
    "32 px, 256 a step": ("32", "256"),
    "32 px, 1,024 a step": ("32", "1024"),
    "32 px, 100 latents": ("32", "64", "latent_dim=100"),
    "32 px, in color": ("32", "64", "color=random"),
    "32 px, in bfloat16": ("32", "64", "precision=bfloat16"),
    "64 px, in bfloat16": ("64", "64", "precision=bfloat16"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        taken = race({name: stack.enter_context(Side([OURS, "vae", *case])) for name, case in CASES.items()}, rounds)
    rows = {name: 1e6 * median(taken[name]) / int(CASES[name][1]) for name in CASES}
    first = next(iter(rows.values()))
    print(table(["case", "µs an image", "times the first"], [[n, f"{v:,.0f}", f"{v / first:.2f}"] for n, v in rows.items()]))
    keep("growth", {"microseconds an image": rows, "seconds": taken})


if __name__ == "__main__":
    main()
