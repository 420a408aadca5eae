"""How long commands take to begin: --help, and the first step of a training whose data are there.

    python benchmarks/start.py [--rounds 7]

Writes benchmarks/results/start.json.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from statistics import median

from racing import keep, table

LIMITS = {"unbraid --help": 0.3, "first step of unbraid train beta_vae ellipses": 6.0}
FIRST = """
import os, sys, time
from unbraid.tune_process import tune_process
tune_process()
from unbraid.training.bar import Bar
def advance(self, step, values, speed):
    print(time.time(), flush=True)
    os._exit(0)
Bar.advance = advance
from unbraid.cli.main import main
main(["train", "beta_vae", "ellipses", "--out", sys.argv[1]])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    taken = {name: [] for name in LIMITS}
    for _ in range(rounds):
        for name, measure in zip(LIMITS, (help_text, first_step), strict=True):
            taken[name].append(measure())
    found = {name: median(seconds) for name, seconds in taken.items()}
    print(table(["command", "seconds, median", "limit"], [[n, f"{s:.2f}", f"{LIMITS[n]:g}"] for n, s in found.items()]))
    keep("start", {"seconds": found, "limits": LIMITS, "all": taken})


def help_text() -> float:
    began = time.time()
    subprocess.run([sys.executable, "-m", "unbraid", "--help"], check=True, capture_output=True)
    return time.time() - began


def first_step() -> float:
    """Until the bar is told of the first step."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        done = subprocess.run([sys.executable, "-c", FIRST, f"{folder}/run"], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) - began


if __name__ == "__main__":
    main()
