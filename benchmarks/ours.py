"""`unbraid train` as the command line runs it, held between turns; data, logging and checks included.

python benchmarks/ours.py MODEL SIZE BATCH [OPTION=VALUE ...]    works in turns (racing.py)
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

from unbraid.tune_process import tune_process

tune_process()

from unbraid.api import train  # noqa: E402
from unbraid.data.dataset import Dataset, load_dataset  # noqa: E402
from unbraid.training.fit import Silent  # noqa: E402

SETTINGS = "unbraid train: channels last, fused Adam, fast forms of layers, freed memory kept, threads sleep while they wait"


class Turns(Silent):
    """Waits after each turn for the next."""

    def __init__(self) -> None:
        self.left = 0
        self.began = 0.0

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        self._wait()

    def advance(self, step: int, values: object, images_per_second: float) -> None:
        self.left -= 1
        if not self.left:
            print(time.perf_counter() - self.began, flush=True)
            self._wait()

    def _wait(self) -> None:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        self.left, self.began = int(line), time.perf_counter()


def main() -> None:
    model, size, batch = sys.argv[1], *map(int, sys.argv[2:4])
    options = dict(argument.split("=") for argument in sys.argv[4:])
    color = options.pop("color", "none")
    data: str | Dataset = load_dataset("ellipses", size=size, color=color)
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            data,
            out=f"{folder}/run",
            device="cpu",
            monitor=Turns(),
            batch_size=batch,
            steps=1_000_000,
            **{
                name: float(value) if "." in value else int(value) if value.isdecimal() else value
                for name, value in options.items()
            },
        )


if __name__ == "__main__":
    main()
