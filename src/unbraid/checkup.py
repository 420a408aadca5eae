"""What there is on a machine: facts for a bug report, and what makes unbraid slow or fail."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from unbraid.cores import usable_cores
from unbraid.errors import UnbraidError
from unbraid.files import os_errors

if TYPE_CHECKING:
    from unbraid.log_entry import Entry

LIBRARIES = (
    *("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "msgspec", "cyclopts", "rich", "jaxtyping"),
    *("onnxruntime", "onnx", "onnxscript", "h5py", "anndata", "zarr", "pyarrow", "distributed", "submitit"),
    *("huggingface-hub", "torchmetrics", "trackio", "ipywidgets"),
)
"""Those that results depend on, and those that extras bring."""
VARIABLES = (
    "UNBRAID_CACHE",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "CUDA_VISIBLE_DEVICES",
    "MALLOC_ARENA_MAX",
)
FLOPS = 73.7e6
"""Multiplications and additions that the default VAE's step takes for an image of 64 x 64 pixels."""
PRODUCT = 1024
LEAST_SHARE = 0.2
"""Share of the machine's matrix product that a training step reaches at least; docs/speed.md measured 0.42 to 0.48."""
LEAST_FREE = 2e9
"""Bytes; the drawn dSprites and a few runs need less."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: what was looked at.
        state: `slow` works, but wants mending; `bad` makes commands fail.
        found: what there is.
        advice: what to do, where there is something to do.
    """

    name: str
    state: Literal["good", "slow", "bad"]
    found: str
    advice: str = ""


def facts() -> dict[str, str]:
    """What a bug report needs: versions, the machine, and what the environment sets. Imports torch alone."""
    import torch

    from unbraid import __version__
    from unbraid.data.cache import cache_folder

    found = {
        "unbraid": f"{__version__}, in {_without_home(Path(__file__).parent)}",
        "Python": f"{platform.python_version()}, {platform.python_implementation()}, in {_without_home(Path(sys.prefix))}",
        "system": platform.platform(),
        "processor": _processor(),
        "cores": _cores_in_words(),
        "torch threads": str(torch.get_num_threads()),
        "torch build": _torch_build(),
        "cache": _without_home(cache_folder()),
    }
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    found.update({name: os.environ[name] for name in VARIABLES if name in os.environ})
    return found


def check_machine(*, speed: bool = True) -> Iterator[Finding]:
    """Look at threads, folders, PyTorch and, unless told not to, at speed, which takes about ten seconds."""
    yield _threads()
    yield _load()
    yield _cache()
    yield _runs()
    yield _torch()
    if speed:
        yield _speed()


def _threads() -> Finding:
    import torch

    threads, cores = torch.get_num_threads(), usable_cores()
    found = f"{threads} of PyTorch on {cores:g} usable core{'s' if cores != 1 else ''}"
    if threads > max(1, cores):
        advice = f"More threads than cores wait for each other: set OMP_NUM_THREADS={max(1, int(cores))}."
        return Finding("threads", "slow", found, advice)
    if threads == 1 and cores >= 2 and "OMP_NUM_THREADS" in os.environ:
        return Finding("threads", "good", f"{found}, as OMP_NUM_THREADS says; without it one training uses {int(cores)}")
    return Finding("threads", "good", found)


def _load() -> Finding:
    if not hasattr(os, "getloadavg"):
        return Finding("other work", "good", "not told by this system")
    load, cores = os.getloadavg()[0], usable_cores()
    found = f"load {load:.1f} over the last minute, {cores:g} usable core{'s' if cores != 1 else ''}"
    if load > cores:
        return Finding("other work", "slow", found, "Other programs take time from training; times and estimates will be off.")
    return Finding("other work", "good", found)


def _cache() -> Finding:
    from unbraid.data.cache import REMEDY, cache_folder

    return _folder("cache", cache_folder(), REMEDY)


def _runs() -> Finding:
    return _folder("runs", Path.cwd(), "Change to a folder that can be written, or give --out.")


def _folder(name: str, folder: Path, remedy: str) -> Finding:
    import shutil

    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    try:
        with os_errors(f"write into {folder}", remedy):
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(b"unbraid")
            free = shutil.disk_usage(place).free
    except UnbraidError as error:
        return Finding(name, "bad", f"{_without_home(folder)} cannot be written", str(error))
    found = f"{_without_home(folder)} can be written, {free / 1e9:,.0f} GB free"
    if free < LEAST_FREE:
        return Finding(name, "slow", f"{_without_home(folder)} has {free / 1e9:.1f} GB free", remedy)
    return Finding(name, "good", found)


def _torch() -> Finding:
    import torch

    found = _torch_build()
    if not torch.backends.mkldnn.is_available():
        advice = "This build of PyTorch has no oneDNN, so convolutions are slow: pip install --force-reinstall torch."
        return Finding("PyTorch", "slow", found, advice)
    return Finding("PyTorch", "good", found)


def _speed() -> Finding:
    """A training step beside the machine's matrix product, in turns."""
    before, product, after = _images_per_second(), _operations_per_second(), _images_per_second()
    images = (before + after) / 2
    share = images * FLOPS / product
    found = (
        f"{images:,.0f} images/s in training a VAE at 64 px, {share:.0%} of what the matrix product of {product / 1e9:,.0f} "
        "GFLOP/s allows"
    )
    if share < LEAST_SHARE:
        advice = (
            f"{LEAST_SHARE:.0%} or more is usual. Look at threads and other work above; where they are good, report it with "
            "the output of unbraid --version --verbose."
        )
        return Finding("speed", "slow", found, advice)
    return Finding("speed", "good", found)


def _operations_per_second() -> float:
    import torch

    a, taken = torch.linspace(-1, 1, PRODUCT**2).view(PRODUCT, PRODUCT), []
    for _ in range(12):
        began = time.perf_counter()
        _ = a @ a
        taken.append(time.perf_counter() - began)
    return 2 * PRODUCT**3 / median(taken[2:])


def _images_per_second(batch: int = 64, steps: int = 40) -> float:
    from unbraid.api import train

    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        train("vae", "ellipses", size=64, batch_size=batch, steps=steps, out=Path(folder) / "run", device="cpu", monitor=clock)
    taken = [after - before for before, after in zip(clock.ticks[10:], clock.ticks[11:], strict=False)]
    return batch / median(taken)


class _Clock:
    """A monitor that notes when each step ended."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    def start(self, step: int, last_step: int, notes: list[str]) -> None:
        """Nothing to note."""

    def advance(self, step: int, entry: Entry | None, images_per_second: float) -> None:
        """Note the time."""
        self.ticks.append(time.perf_counter())

    def warn(self, message: str) -> None:
        """Forty steps are too few for any."""

    def finish(self) -> None:
        """Nothing to note."""


def _torch_build() -> str:
    import torch

    parts = [version("torch")]
    parts.append("oneDNN" if torch.backends.mkldnn.is_available() else "without oneDNN")
    if torch.backends.mkl.is_available():
        parts.append("MKL")
    parts.append(f"CPU code for {torch.backends.cpu.get_cpu_capability()}")
    if torch.cuda.is_available():
        parts.append(f"CUDA {torch.version.cuda}: {torch.cuda.get_device_name(0)}")
    else:
        parts.append("no GPU")
    return ", ".join(parts)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _cores_in_words() -> str:
    everything, usable = os.cpu_count() or 1, usable_cores()
    return f"{everything}" if usable == everything else f"{usable:g} of {everything} may be used"


def _without_home(path: Path) -> str:
    """A path as it may be shown to others: without the name of the user."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.absolute().relative_to(Path.home())}"
    return str(path)
