"""Peak memory of training on all 737,280 images of dSprites, by the command line.

    python benchmarks/memory.py [--steps 300]

Writes benchmarks/results/memory.json. The file with the images is memory-mapped: what of it is in memory counts here, though
the system may take it back at any time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile

from racing import keep, table

MODELS = ("vae", "factor_vae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    steps = parser.parse_args().steps
    found = {f"{model}, {steps} steps of 64": peak(model, steps) for model in MODELS}
    print(table(["training", "peak, MB"], [[name, f"{value:,.0f}"] for name, value in found.items()]))
    keep("memory", {"peak MB": found})


def peak(model: str, steps: int) -> float:
    """Of the process and what it starts, in MB; measured in a process of its own, since the maximum is kept for good."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "unbraid", "train", model, "dsprites", "--steps", str(steps), "--out", f"{folder}/run", "--no-report"]
        code = f"import resource, subprocess, sys; subprocess.run([sys.executable, *{command!r}], check=True, stdout=2)\n"
        code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout) * unit / 1e6


if __name__ == "__main__":
    main()
