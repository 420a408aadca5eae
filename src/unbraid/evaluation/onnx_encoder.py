"""Anybody's encoder in an ONNX file, over a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Float64, Int

from unbraid.data.codes.arrays import variances
from unbraid.data.codes.latent_names import MEANS, SPREADS, plain
from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, UsageError, warn
from unbraid.evaluation.encoding import BATCH
from unbraid.onnx_session import TYPES, OnnxSession, Refused
from unbraid.progress import Progress

Layout = Literal["channels first", "channels last"]
BATCH_SECONDS = 10.0
"""A batch has so many images as take about this long."""
TRIED = 4
"""Images that are encoded twice to see whether an encoder draws noise."""


class OnnxEncoder:
    """An encoder of images (n, channel, height, width), or with channels last.

    Images are floats of 16, 32 or 64 bits in [0, 1].

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
        try:
            self._session = OnnxSession(
                path, "Or encode the images yourself and give the codes: unbraid evaluate --codes FILE."
            )
        except Refused as error:
            raise CorruptFile(
                f"{path} is no ONNX model that onnxruntime reads ({error}). Export it again, or install a newer onnxruntime."
            ) from None
        self._input, self._batch, self.shape = _input(self._session, path)
        names = [output.name for output in self._session.outputs]
        self.mean = next((name for name in names if plain(name) in MEANS), names[0])
        wide = [name for name in names if plain(name) in SPREADS and name != self.mean]
        if len(wide) > 1:
            raise UsageError(f"{path} has outputs {', '.join(wide)}, which say the same in two ways; export one of them.")
        self.spread = wide[0] if wide else None
        self.left_out = tuple(name for name in names if name not in (self.mean, self.spread))

    def layouts(self, shape: tuple[int, int, int]) -> list[Layout]:
        """The layouts in which it may take images of a shape (channel, height, width), as its file says."""
        channel, *sizes = shape
        ways: dict[Layout, tuple[int, ...]] = {"channels first": shape, "channels last": (*sizes, channel)}
        return [
            layout
            for layout, ours in ways.items()
            if all(theirs in (None, own) for theirs, own in zip(self.shape, ours, strict=True))
        ]

    def encode(
        self, dataset: Dataset, index: Int[np.ndarray, "n"], progress: Progress | None = None
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"] | None]:
        """Means of images, and variances where the encoder gives them; warns of an encoder that draws noise.

        Raises `UsageError` for images of another shape than it takes, for outputs of another shape than one row per image or
        with values that are not finite, and for an encoder that takes too much time or memory.
        """
        layouts = self.layouts(dataset.shape)
        if not layouts:
            raise UsageError(
                f"{self._path} takes images of {_in_words(self.shape)}, and {dataset.name} has {_in_words(dataset.shape)}."
                " Give another data set, or the size it wants: --size."
            )
        wanted = [self.mean, *filter(None, [self.spread])]
        layout, seconds = self._try(layouts, wanted, dataset, index[:TRIED])
        found: list[list[np.ndarray]] = [[] for _ in wanted]
        size = self._batch or int(np.clip(BATCH_SECONDS / max(seconds, 1e-6), 1, BATCH))
        for start in range(0, len(index), size):
            rows = index[start : start + size]
            filled = self._filled(rows)
            outputs, batch = self._run(wanted, dataset.images.floats(filled), layout), len(filled)
            for name, output, kept in zip(wanted, outputs, found, strict=True):
                kept.append(self._checked(name, output, rows, batch, kept[0].shape[1] if kept else None))
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

    def _try(
        self, layouts: list[Layout], wanted: list[str], dataset: Dataset, rows: Int[np.ndarray, "_"]
    ) -> tuple[Layout, float]:
        """The layout that it can encode, and the seconds that an image takes; warns where it draws noise."""
        images = dataset.images.floats(self._filled(rows[: self._batch or TRIED]))
        refused: UsageError | None = None
        for layout in layouts:
            try:
                first = self._run(wanted, images, layout)
            except UsageError as error:
                refused = refused or error
                continue
            began = time.perf_counter()
            second = self._run(wanted, images, layout)
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)):
                warn(noise_in_words(self._path, self.mean))
            return layout, (time.perf_counter() - began) / len(images)
        assert refused is not None
        raise refused

    def _filled(self, rows: Int[np.ndarray, "_"]) -> Int[np.ndarray, "_"]:
        """The same with the last repeated to the size that batches must have."""
        return np.pad(rows, (0, self._batch - len(rows)), mode="edge") if self._batch else rows

    def _run(self, wanted: list[str], images: Float32[np.ndarray, "n c h w"], layout: Layout) -> list[np.ndarray]:
        given = images if layout == "channels first" else np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        try:
            found: list[np.ndarray] = self._session.run(wanted, {self._input: given})
        except Refused as error:
            raise UsageError(
                f"{self._path} cannot encode images of {_in_words(given.shape[1:])} ({error}). It must take images "
                "(n, channel, height, width) or (n, height, width, channel) in [0, 1] of that size."
            ) from None
        return found

    def _checked(
        self, name: str, output: Any, rows: Int[np.ndarray, "n"], batch: int, latents: int | None
    ) -> Float64[np.ndarray, "n d"]:
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f" or output.ndim != 2 or 0 in output.shape:
            given = f"{output.dtype} of shape {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
            raise UsageError(f"{self._path}: output {name!r} is {given}; allowed: floats (n, latents), one row per image.")
        if len(output) != batch or latents not in (None, output.shape[1]):
            raise UsageError(
                f"{self._path}: output {name!r} has shape {output.shape} for {batch} images; allowed: one row per image, all "
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


def noise_in_words(path: Path, output: str) -> str:
    """What is said of an encoder that draws noise."""
    return (
        f"{path} gives other codes of the same images: its output {output!r} holds noise, so that scores differ from run to "
        "run. Export the means, in evaluation mode: encoder.eval()."
    )


def _input(session: OnnxSession, path: Path) -> tuple[str, int | None, tuple[int | None, ...]]:
    """Name, fixed size of batches and shape of the images; None for sizes that are open."""
    inputs = session.inputs
    if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) != 4:
        advice = "Export the encoder alone"
        if len(inputs) == 1:
            advice = "Export it with a layer before it that " + (
                "brings images (n, channel, height, width) to its shape" if inputs[0].type in TYPES else "takes float32"
            )
        raise UsageError(
            f"{path} takes {session.takes}; allowed: one input of float32 images (n, channel, height, width). {advice}."
        )
    batch, *shape = (size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape)
    return inputs[0].name, batch, tuple(shape)


def _in_words(shape: Any) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
