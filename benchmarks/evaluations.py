"""What `--evaluate-every 1000` adds to the time of a training.

    python benchmarks/evaluations.py [--rounds 7]

Two trainings of a VAE on one core, in turns of 100 steps; one is evaluated once a turn. The difference of their medians is
what an evaluation takes, which is then a share of 1,000 steps. Writes benchmarks/results/evaluations.json.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from racing import Side, keep, ratio, table

OURS = str(Path(__file__).parent / "ours.py")
TURN, EVERY = 100, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    found = {size: measure(size, rounds) for size in (32, 64)}
    rows = [[str(size), f"{one['seconds']:.2f}", f"{100 * one['share']:.1f} %"] for size, one in found.items()]
    print(table(["pixels", "seconds an evaluation", "of the time, every 1,000 steps"], rows))
    keep("evaluations", {"rows": rows, "every": EVERY, "sizes": {str(size): one for size, one in found.items()}})


def measure(size: int, rounds: int) -> dict[str, object]:
    with ExitStack() as stack:
        without = stack.enter_context(Side([OURS, "vae", str(size), "64"]))
        evaluated = stack.enter_context(Side([OURS, "vae", str(size), "64", f"evaluate_every={TURN}"]))
        without.turn(TURN), evaluated.turn(TURN)
        taken: dict[str, list[float]] = {"without": [], "evaluated": []}
        for _ in range(rounds):
            taken["without"].append(without.turn(TURN))
            taken["evaluated"].append(evaluated.turn(TURN))
    if ratio(taken["evaluated"], taken["without"]) is None:
        raise SystemExit("The machine is too restless: the halves of the rounds disagree.")
    seconds = median(taken["evaluated"]) - median(taken["without"])
    return {"seconds": seconds, "share": seconds / (EVERY / TURN * median(taken["without"])), "taken": taken}


if __name__ == "__main__":
    main()
