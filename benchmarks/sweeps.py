"""How fast sweeps are scheduled, and how much several workers do.

python benchmarks/sweeps.py schedule      # a command over 1,000 runs that are finished
python benchmarks/sweeps.py workers       # as many workers as cores, against one
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from unbraid.cores import cores
from unbraid.sweep.planning import make_plan
from unbraid.sweep.points import Request, Scoring
from unbraid.sweep.store import Store, ledger

SMALL = [
    "--steps",
    "2",
    "--batch-size",
    "16",
    "--encoder",
    "mlp",
    "--decoder",
    "mlp",
    "--metrics",
    "mig",
    "--evaluate-images",
    "200",
]


def unbraid(folder: Path, *tokens: str) -> float:
    """Seconds that a command took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "unbraid", "sweep", *tokens], cwd=folder, check=True, env=dict(os.environ))
    return time.perf_counter() - began


def schedule(folder: Path, runs: int = 1_000) -> None:
    """Make a folder of finished runs out of one, and give the command again."""
    seeds = runs // 20
    betas = ",".join(str(1 + i / 4) for i in range(20))
    unbraid(folder, "beta_vae", "ellipses", *SMALL, "--beta", "1.0")
    store = Store.open(folder / "sweeps")
    (model,) = ledger(store.folder)
    options = {"steps": 2, "batch_size": 16, "encoder": "mlp", "decoder": "mlp"}
    asked = [
        Request("beta_vae", "ellipses", {**options, "seed": seed, "beta": float(beta)})
        for beta in betas.split(",")
        for seed in range(seeds)
    ]
    plan = make_plan(asked, Scoring(200, ["mig"]), store.plans())
    store.write_plan(plan)
    for point in plan.points():
        store.publish(msgspec.structs.replace(model, key=point.key, configuration=point.group.configuration, seed=point.seed))
    grid = ["beta_vae", "ellipses", *SMALL, "--beta", betas, "--seed", f"0..{seeds - 1}"]
    taken = [unbraid(folder, *grid) for _ in range(3)]
    print(f"a command over {runs:,} finished runs: {min(taken):.1f} s, start of the process included")


def workers(folder: Path) -> None:
    """The same runs by one worker and by one per core."""
    count = cores()
    grid = [
        "beta_vae",
        "ellipses",
        "--steps",
        "1500",
        "--seed",
        f"0..{2 * count - 1}",
        "--metrics",
        "mig",
        "--evaluate-images",
        "500",
    ]
    images = 1500 * 64 * 2 * count
    speeds = {}
    for n in (1, count):
        out = f"with{n}"
        unbraid(folder, *grid, "--workers", str(n), "--out", out)
        results = list(ledger(folder / out))
        seconds = sum(one.train_seconds for one in results) / n
        speeds[n] = images / seconds
        print(f"{n} workers: {speeds[n]:,.0f} images per second, all together")
    print(f"{count} workers do {speeds[count] / speeds[1]:.2f} times the work of one")


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "schedule"
    with tempfile.TemporaryDirectory() as place:
        {"schedule": schedule, "workers": workers}[what](Path(place))
