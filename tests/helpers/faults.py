"""Faults by chance: processes killed, inputs mutated, run folders damaged."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from helpers.starter import Starter

STEPS = 300
TRAIN = (
    *("--steps", str(STEPS), "--checkpoint-every", "5", "--batch-size", "16", "--latent-dim", "3", "--device", "cpu"),
    *("--encoder", "mlp", "--encoder-width", "8", "--decoder", "mlp", "--decoder-width", "8", "--no-report"),
)
UNSOUND = ("Traceback", "defect of unbraid")


def write_images(folder: Path) -> Path:
    """60 images of 16 x 16 with two factors."""
    rng = np.random.default_rng(0)
    factors = np.stack([np.arange(60) % 3, np.arange(60) // 3 % 4], axis=1)
    images = rng.integers(0, 64, (60, 16, 16)).astype(np.uint8) + (60 * factors.sum(1)[:, None, None] // 2).astype(np.uint8)
    np.savez(folder / "images.npz", images=images, factors=factors)
    return folder / "images.npz"


def train_under_fire(starter: Starter, data: Path, out: Path, kills: int, rng: random.Random) -> int:
    """Train a run whose process is killed so many times, at any moment; how often it was really killed.

    Half of them are killed after their next checkpoint, so that the run gets on, the others as they start or resume.
    """
    command = ["train", "beta_vae", f"npz:{data}", "--out", str(out), *TRAIN]
    said, killed = out.with_suffix(".said"), 0
    for _ in range(kills):
        before, process = _newest(out), starter.start(command, said)
        if rng.random() < 0.5:
            deadline = time.monotonic() + 60
            while _newest(out) == before and starter.is_running(process) and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(rng.expovariate(20))
        else:
            time.sleep(rng.uniform(0, 0.5))
        if starter.is_running(process):
            os.kill(process, signal.SIGKILL)
            killed += 1
        code = starter.wait(process)
        assert not any(word in said.read_text() for word in UNSOUND), said.read_text()
        if code == 0:
            break
        assert code == -signal.SIGKILL, said.read_text()
    assert starter.wait(starter.start(command, said)) == 0, said.read_text()
    return killed


def _newest(out: Path) -> str:
    return max((path.name for path in (out / "checkpoints").glob("step_*")), default="")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The same with one to three faults."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(FAULTS)(data, rng)
    return data


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.randint(1, 40)) + data[place:]


def _zero(data: bytes, rng: random.Random) -> bytes:
    place, length = rng.randrange(len(data) + 1), rng.randint(1, 200)
    return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    piece = data[start : start + rng.randint(1, 200)]
    return data[:start] + piece * 2 + data[start + len(piece) :]


FAULTS: Sequence[Callable[[bytes, random.Random], bytes]] = (_flip, _cut, _insert, _zero, _repeat)


def damage(run: Path, rng: random.Random) -> str:
    """Damage a file of a run, or remove it; what was done."""
    path = rng.choice(sorted(path for path in run.rglob("*") if path.is_file() and path.name != ".lock"))
    name = str(path.relative_to(run))
    if rng.random() < 0.15:
        path.unlink()
        return f"{name} removed"
    path.write_bytes(mutated(path.read_bytes(), rng))
    return f"{name} mutated"


def copy(run: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return shutil.copytree(run, to)


def count(short: int, long: int) -> int:
    """How many faults: a share of the long number may be asked for by UNBRAID_FAULTS, like 0.1."""
    return max(short, round(long * float(os.environ.get("UNBRAID_FAULTS", "1"))))
