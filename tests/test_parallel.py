"""Several runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid
from unbraid.errors import UsageError
from unbraid.parallel import train_many
from unbraid.training.run import open_run

IMAGES = (np.random.default_rng(0).random((64, 28, 28)) > 0.5).astype(np.uint8) * 255
SMALL = {"encoder": "mlp", "decoder": "mlp", "data": IMAGES, "steps": 4, "batch_size": 8, "latent_dim": 3, "device": "cpu"}

SCRIPT = """
import numpy as np
from unbraid.errors import Interrupted
from unbraid.parallel import train_many

if __name__ == "__main__":
    shared = dict(model="beta_vae", encoder="mlp", decoder="mlp", data=np.zeros((64, 28, 28), dtype=np.uint8), batch_size=8)
    runs = [dict(seed=seed, steps=100_000, out=f"run{seed}", device="cpu", **shared) for seed in range(3)]
    try:
        train_many(runs, workers=2)
    except Interrupted as stopped:
        print(stopped)
"""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    saved = open_run(folder).newest()
    assert saved is not None
    return dict(saved.weights)


def test_runs_end_as_they_would_alone_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    told = {}
    runs = [
        {"model": "vae", "out": tmp_path / "a", "seed": 1, **SMALL},
        {"model": "vae", "out": tmp_path / "b", "lr": 1e30, **SMALL},
        {"model": "vae", "out": tmp_path / "c", "seed": 2, **SMALL},
    ]
    became = train_many(runs, workers=2, done=told.__setitem__)
    assert told == dict(enumerate(became))
    assert [one.folder for one in became] == [tmp_path / "a", None, tmp_path / "c"]
    assert became[1].error.startswith("NonFiniteLoss: The loss is not finite at step 2")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        unbraid.train(**{**runs[2], "out": tmp_path / "alone"})
    finally:
        torch.set_num_threads(threads)
    alone, beside = weights(tmp_path / "alone"), weights(tmp_path / "c")
    assert all(torch.equal(alone[name], beside[name]) for name in alone)
    assert not all(torch.equal(alone[name], other) for name, other in weights(tmp_path / "a").items())


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workers=0"):
        train_many([{"model": "vae", **SMALL}], workers=0)
    with pytest.raises(UsageError, match="Runs 1 and 2 have the same folder"):
        train_many([{"model": "vae", "out": tmp_path / name, **SMALL} for name in ("a", "b/../a")])
    with pytest.raises(UsageError, match=r"Run 2 of 2: --batch-size 64 is more than the 58 training images"):
        train_many([{"model": "vae", **SMALL}, {"model": "vae", **SMALL, "batch_size": 64}])
    assert train_many([]) == []


def test_ctrl_c_leaves_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    logs = [tmp_path / f"run{seed}" / "environment.json" for seed in range(2)]
    until = time.monotonic() + 120
    while not all(log.exists() for log in logs) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()  # its workers end with it
    assert "Stopped, with a checkpoint of every run that had begun" in output
    for seed in range(2):
        saved = open_run(tmp_path / f"run{seed}").newest()
        assert saved is not None
        assert 0 < saved.state.step < 100_000
    assert not (tmp_path / "run2").exists()
