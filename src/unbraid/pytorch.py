"""For PyTorch code of others: our images in a `DataLoader`, and scores of any encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import nn

from unbraid.data.codes.arrays import variances
from unbraid.data.codes.latent_names import SPREADS, plain
from unbraid.data.dataset import Dataset
from unbraid.data.sets.arrays import as_dataset, dataset
from unbraid.errors import UnknownName, UsageError
from unbraid.evaluation.encoding import BATCH, choose_images
from unbraid.evaluation.scores import Metrics, choose_metrics, posterior_samples, reference_arguments
from unbraid.loading import pick_device
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.score_table import ScoreTable
from unbraid.nn.modes import evaluation_mode
from unbraid.progress import Stages

Encoder = nn.Module | Callable[[torch.Tensor], Any]
WIDTHS = ("logvar", "variance", "std", "log_std")
"""How an encoder may say how wide posteriors are."""


class ImageDataset(torch.utils.data.Dataset[Any]):
    """Images of one of our data sets, or of one split of it, as PyTorch's `DataLoader` takes them.

        images = ImageDataset("dsprites", "train", target="factors")
        for batch, factors in DataLoader(images, batch_size=64, shuffle=True, num_workers=2): ...

    Items are float32 images (channel, height, width) in [0, 1], or with a target pairs of an image and what is known of it.
    They are read a batch at a time.

    Args:
        data: what `unbraid.dataset` takes: a registered name, one with a path, arrays, or a data set.
        split: "train", "test" or "all". Training images stand in the order of presentation where the set has one.
        target: None, "factors" (one row of factor codes, int64, or float32 where a factor is continuous), "labels", or the
            name of a factor.
        options: of the data set.

    Attributes:
        data: the `unbraid.Dataset`.
        index: positions in it, one per item.
        names: of the factors in a row of the target; ("labels",) for labels.

    Raises `UsageError` for a split or target that the data do not have, and what `unbraid.dataset` raises.

    >>> data = ImageDataset("dsprites_reduced", "test", target="factors")
    >>> image, factors = data[0]
    >>> image.shape, data.names
    (torch.Size([1, 64, 64]), ('shape', 'scale', 'orientation', 'x', 'y'))
    """

    def __init__(self, data: Any, split: str = "all", *, target: str | None = None, **options: Any) -> None:
        self.data: Dataset = dataset(data, **options)
        if split not in ("train", "test", "all"):
            raise UsageError(f"split is {split!r}; allowed: train, test, all.")
        held_out = self.data.split("test")
        self.index = {"train": self.data.train, "test": held_out, "all": np.arange(len(self.data))}[split]
        if not len(self.index):
            raise UsageError(f"{self.data.name!r} holds no images out; make it with test_share above 0, or take another split.")
        self._targets, self.names = _targets(self.data, target)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> Any:
        return self.__getitems__([i])[0]

    def __getitems__(self, places: Sequence[int]) -> list[Any]:
        """Several items at once, as a `DataLoader` asks for them."""
        rows = self.index[np.asarray(places)]
        images = torch.from_numpy(self.data.images.floats(rows))
        if self._targets is None:
            return list(images)
        return list(zip(images, torch.from_numpy(self._targets[rows]), strict=True))


def _targets(data: Dataset, target: str | None) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if target is None:
        return None, ()
    names = data.space.names if data.space is not None else ()
    known = [*(["factors"] if names else []), *(["labels"] if data.labels is not None else []), *names]
    if target not in known:
        raise UnknownName("target", target, known, of=f"data set {data.name!r}")
    if target == "labels" and data.labels is not None:
        return data.labels.astype(np.int64), ("labels",)
    assert data.factors is not None
    chosen = data.factors if target == "factors" else data.factors[:, names.index(target)]
    kind = np.float32 if np.issubdtype(chosen.dtype, np.floating) else np.int64
    return chosen.astype(kind), names if target == "factors" else (target,)


def evaluate_encoder(
    encoder: Encoder,
    data: Any,
    metrics: Metrics = "core",
    *,
    spread: str = "logvar",
    limit: int | None = None,
    intervals: int = 0,
    device: str = "auto",
    progress: Stages | None = None,
) -> ScoreTable:
    """Score any encoder on a data set with known factors, each metric beside chance and ceiling.

        evaluate_encoder(my_network, "dsprites", ["mig", "dci"], limit=10_000)

    Args:
        encoder: takes float32 images (n, channel, height, width) in [0, 1]. Gives the means of the latents (n, latents); or a
            pair, means and how wide each posterior is; or a distribution with `mean` and `variance`. A module is put into
            evaluation mode meanwhile, and stays where it is.
        data: what `unbraid.train` takes, with factors.
        metrics: "core", "all" (also those that train many models), names, or a mapping of names to options.
        spread: what the second of a pair is: "logvar", "variance", "std" or "log_std".
        limit: score on a fixed pseudo-random part of this many images; all by default.
        intervals: halves of the images that 95 % intervals are made from, 0 for none.
        device: where images go before an encoder that is no module, or one without weights; a module's own otherwise.
        progress: called with the title of a stage, gives what counts it.

    Raises `UsageError` for data without factors, and for what the encoder gives where it is not one row of finite numbers
    per image.

    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64 * 64, 4))
    >>> table = evaluate_encoder(network, "dsprites_reduced", ["mig"], limit=500)
    >>> sorted(table["mig"]["per_factor"])
    ['orientation', 'scale', 'shape', 'x', 'y']
    """
    made = as_dataset(data)
    images: Dataset = dataset(made) if isinstance(made, str) else made
    if images.space is None or images.factors is None:
        raise UsageError(f"{images.name} has no factors, and scores compare codes with factors. Give data that have some.")
    if spread not in WIDTHS:
        raise UsageError(f"spread is {spread!r}; allowed: {', '.join(WIDTHS)}.")
    if limit is not None and limit < 2:
        raise UsageError(f"limit is {limit}; allowed: at least 2 images, or None for all.")
    chosen = choose_metrics(metrics, has_factors=True)
    index = choose_images(images, limit)
    mean, variance = _encode(encoder, images, index, spread, pick_device(device), progress)
    names, continuous = images.space.names, images.space.continuous
    samples = posterior_samples(mean, variance, images.factors[index], names, continuous, images.space)
    return evaluate(
        samples,
        metrics=chosen,
        intervals=intervals,
        **reference_arguments(images, index),
        progress=progress("metrics") if progress else None,
    )


@torch.no_grad()
def _encode(
    encoder: Encoder,
    data: Dataset,
    index: Integer[np.ndarray, "n"],
    spread: str,
    device: torch.device,
    progress: Stages | None,
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n d"] | None]:
    """Means, and variances where the encoder gives how wide posteriors are."""
    weights = next(encoder.parameters(), None) if isinstance(encoder, nn.Module) else None
    where = device if weights is None else weights.device
    report = progress("encoding") if progress else None
    means: list[np.ndarray] = []
    spreads: list[np.ndarray] = []
    with _evaluating(encoder):
        for start in range(0, len(index), BATCH):
            rows = index[start : start + BATCH]
            mean, wide, kind = _parts(encoder(torch.from_numpy(data.images.floats(rows)).to(where)), spread)
            means.append(_checked(mean, "The means", len(rows), means[0].shape[1] if means else None))
            if wide is not None:
                spreads.append(_checked(wide, f"The {kind}", len(rows), means[0].shape[1]))
            if report:
                report(start + len(rows), len(index))
    mean = np.concatenate(means)
    if not spreads:
        return mean, None
    names = tuple(f"z{j}" for j in range(mean.shape[1]))
    return mean, variances(np.concatenate(spreads), SPREADS[plain(kind)], names, f"The {kind} that the encoder gives")


@contextmanager
def _evaluating(encoder: Encoder) -> Iterator[None]:
    if isinstance(encoder, nn.Module):
        with evaluation_mode(encoder):
            yield
    else:
        yield


def _parts(given: Any, spread: str) -> tuple[Any, Any, str]:
    """Means, how wide posteriors are where that is given, and what this is."""
    if isinstance(given, torch.distributions.Distribution):
        return given.mean, given.variance, "variance"
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise UsageError(f"The encoder gives {len(given)} things; allowed: means, or means and {spread}.")
        return given[0], given[1], spread
    return given, None, spread


def _checked(given: Any, what: str, n: int, latents: int | None) -> np.ndarray:
    if not isinstance(given, torch.Tensor):
        raise UsageError(f"{what} that the encoder gives are a {type(given).__name__}; give a tensor (n, latents).")
    if given.is_complex():
        raise UsageError(f"{what} that the encoder gives are complex numbers; give real ones (n, latents).")
    if given.ndim != 2 or len(given) != n or latents not in (None, given.shape[1]):
        wanted = f"({n}, {'latents' if latents is None else latents})"
        raise UsageError(f"{what} of {n} images have shape {tuple(given.shape)}; allowed: {wanted}, one row per image.")
    return given.detach().double().cpu().numpy()
