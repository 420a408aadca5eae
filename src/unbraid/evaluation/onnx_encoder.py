"""Anybody's encoder in an ONNX file, over a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int, Shaped

from unbraid.data.codes.arrays import variances
from unbraid.data.codes.latent_names import MEANS, SPREADS, plain
from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.evaluation.encoding import BATCH, Progress


class OnnxEncoder:
    """An encoder that takes float32 images (n, channel, height, width) in [0, 1].

    Its means are the output called mean, means, mu or loc, else the first one. Their posteriors are as wide as the output
    called var, variance, logvar, log_variance, std, sigma, log_std or log_sigma says, where there is one; small letters or not,
    and with z_ before it or not. A fixed size of batches is kept to.

    Args:
        path: the .onnx file.

    Raises `UsageError` for a file that is not there or takes or gives something else, `CorruptFile` for one that cannot be read
    and `DataUnavailable` where onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UsageError(f"There is no encoder {path}; give an .onnx file, as torch.onnx.export writes it.")
        self._path = path
        self._refusals, self._session = _session(path)
        self._input, self._batch, self._shape = _input(self._session, path)
        names = [output.name for output in self._session.get_outputs()]
        self.mean = next((name for name in names if plain(name) in MEANS), names[0])
        wide = [name for name in names if plain(name) in SPREADS and name != self.mean]
        if len(wide) > 1:
            raise UsageError(f"{path} has outputs {', '.join(wide)}, which say the same in two ways; export one of them.")
        self.spread = wide[0] if wide else None
        self.left_out = tuple(name for name in names if name not in (self.mean, self.spread))

    def encode(
        self, dataset: Dataset, index: Int[np.ndarray, "n"], progress: Progress | None = None
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"] | None]:
        """Means of images, and variances where the encoder gives them.

        Raises `UsageError` for images of another shape than it takes, and for outputs of another shape than one row an image
        or with values that are not finite.
        """
        for ours, theirs in zip(dataset.shape, self._shape, strict=True):
            if theirs not in (None, ours):
                raise UsageError(
                    f"{self._path} takes images of {_in_words(self._shape)}, and {dataset.name} has {_in_words(dataset.shape)}."
                    " Give another data set, or the size it wants: --size."
                )
        wanted = [self.mean, *filter(None, [self.spread])]
        found: list[list[np.ndarray]] = [[] for _ in wanted]
        size = self._batch or BATCH
        for start in range(0, len(index), size):
            rows = index[start : start + size]
            filled = np.pad(rows, (0, size - len(rows) if self._batch else 0), mode="edge")
            outputs = self._run(wanted, dataset.images.floats(filled))
            for name, output, kept in zip(wanted, outputs, found, strict=True):
                kept.append(self._checked(name, output, rows, len(filled), kept[0].shape[1] if kept else None))
            if progress:
                progress(start + len(rows), len(index))
        mean = np.concatenate(found[0])
        if self.spread is None:
            return mean, None
        given = np.concatenate(found[1])
        if given.shape != mean.shape:
            raise UsageError(
                f"{self._path}: output {self.spread!r} has shape {given.shape} and {self.mean!r} {mean.shape}; give one "
                "variance for each mean."
            )
        names = tuple(f"z{j}" for j in range(mean.shape[1]))
        return mean, variances(given, SPREADS[plain(self.spread)], names, f"Output {self.spread!r} of {self._path}")

    def _run(self, wanted: list[str], images: Shaped[np.ndarray, "..."]) -> list[np.ndarray]:
        try:
            found: list[np.ndarray] = self._session.run(wanted, {self._input: images})
        except self._refusals as error:
            raise UsageError(
                f"{self._path} cannot encode images of {_in_words(images.shape[1:])} ({_reason(error)}). It must take "
                "float32 images (n, channel, height, width) in [0, 1] of that size."
            ) from None
        return found

    def _checked(
        self, name: str, output: Any, rows: Int[np.ndarray, "n"], batch: int, latents: int | None
    ) -> Float64[np.ndarray, "n d"]:
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f" or output.ndim != 2 or 0 in output.shape:
            given = f"{output.dtype} of shape {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
            raise UsageError(f"{self._path}: output {name!r} is {given}; allowed: floats (n, latents), one row an image.")
        if len(output) != batch or latents not in (None, output.shape[1]):
            raise UsageError(
                f"{self._path}: output {name!r} has shape {output.shape} for {batch} images; allowed: one row an image, all "
                "of one length."
            )
        wide = output[: len(rows)].astype(np.float64)
        bad = np.argwhere(~np.isfinite(wide))
        if len(bad):
            row, column = (int(place) for place in bad[0])
            raise UsageError(
                f"{self._path}: output {name!r} is {wide[row, column]} for image {rows[row]}, latent {column} (counted from 0);"
                " codes must be finite. Does the encoder want images in another range than [0, 1]?"
            )
        return wide


def _session(path: Path) -> tuple[tuple[type[Exception], ...], Any]:
    """What onnxruntime refuses files and inputs with, and the file opened by it."""
    try:
        import onnxruntime
    except ImportError:
        raise DataUnavailable(
            f"Reading {path} needs the package onnxruntime: pip install 'unbraid[onnx]'. Or encode the images yourself and "
            "give the codes: unbraid evaluate --codes FILE."
        ) from None
    refusals = runtime_errors()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is refused is told in our words
    options.use_deterministic_compute = True
    try:
        return refusals, onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except refusals as error:
        raise CorruptFile(
            f"{path} is no ONNX model that onnxruntime {onnxruntime.__version__} reads ({_reason(error)}). Export it again, or "
            "install a newer onnxruntime."
        ) from None


def runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime, which must be installed, refuses files and inputs with; its own classes have no base in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds: list[type[Exception]] = [k for k in vars(state).values() if isinstance(k, type) and issubclass(k, Exception)]
    return (*kinds, RuntimeError, ValueError)


def _input(session: Any, path: Path) -> tuple[str, int | None, tuple[int | None, ...]]:
    """Name, fixed size of batches and shape of the images; None for sizes that are open."""
    inputs = session.get_inputs()
    taken = "; ".join(f"{one.name} {one.type} {tuple(one.shape)}" for one in inputs)
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise UsageError(
            f"{path} takes {taken or 'nothing'}; allowed: one input of float32 images (n, channel, height, width). Export the "
            "encoder alone."
        )
    batch, *shape = (size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape)
    return inputs[0].name, batch, tuple(shape)


def _in_words(shape: Any) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]} ..."
