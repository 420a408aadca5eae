"""Label-efficiency curves of a frozen encoder's means, beside codes that know nothing of training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Integer
from msgspec import Struct

from unbraid.data.dataset import Dataset
from unbraid.errors import UsageError, warn
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.metrics.label_curves import DRAWS, PENALTY, LabelCurves, draw_labels, label_curves, over_draws
from unbraid.metrics.score_table import html_table, in_columns
from unbraid.nn.vae import VAE
from unbraid.progress import Progress

LABELS = "labels"
"""The target that means the classes of a data set."""
KINDS = ENCODER, UNTRAINED, PCA, PIXELS = "encoder", "untrained", "PCA", "pixels"
MOST_TEST = 10_000
"""Held-out images that probes are scored on, at most."""
MOST_PIXELS = 4_096
"""Values of an image: larger ones have no row of pixels, which would take long and much memory."""


class Probe(Struct):
    """Label-efficiency curves of a run's encoder on one target of a data set.

    Args:
        unbraid: version that made it.
        model, trained_on, step: of the run.
        data: probed.
        target: "labels", or a factor.
        latents: of the encoder, and components of PCA.
        found: the curves.
    """

    unbraid: str
    model: str
    trained_on: str
    step: int
    data: str
    target: str
    latents: int
    found: LabelCurves

    def __str__(self) -> str:
        return "\n\n".join("\n".join([title, *in_columns(rows, right=range(len(rows[0])))]) for title, rows in self.tables())

    def _repr_html_(self) -> str:
        tables = "".join(f"<p>{escape(title)}</p>{html_table(rows)}" for title, rows in self.tables())
        return f"{tables}<p>{escape(self.note)}</p>"

    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """A table without a penalty and one with, each a title and rows of text.

        The first row has the names of the columns.
        """
        found = self.found
        made = []
        for penalty in found.penalties:
            own = [one for one in found.curves if one.penalty == penalty]
            columns = [[f"{mean:.3f} ± {mean - ends[0]:.3f}" for mean, ends in over_draws(one.accuracy)] for one in own]
            rows = [[f"{count:,}", *cells] for count, *cells in zip(found.label_counts, *columns, strict=True)]
            how = f"with an L2 penalty of {penalty:g}" if penalty else "without a penalty"
            made.append((f"Accuracy on {self.data}, {self.target}, {how}", [["labels", *(one.codes for one in own)], *rows]))
        return made

    @property
    def note(self) -> str:
        """How to read the tables."""
        found = self.found
        return (
            f"Of {found.test_images:,} held-out images; chance {found.chance:.3f}. ± is half a 95 % interval over "
            f"{found.draws} draws of the labels, the same for all columns."
        )


def target_of(dataset: Dataset, target: str | None) -> tuple[str, Integer[np.ndarray, "n"]]:
    """Name and values of what a probe predicts: the labels unless a factor is named.

    Raises `UsageError` where the data set has no such thing.
    """
    factors = dataset.space.names if dataset.space is not None else ()
    known = [*([LABELS] if dataset.labels is not None else []), *factors]
    if not known:
        raise UsageError(f"{dataset.name!r} has neither labels nor factors, so there is nothing to probe for.")
    if target is None and dataset.labels is None:
        raise UsageError(
            f"{dataset.name!r} has no labels; name one of its factors: --target {factors[0]} ({', '.join(factors)})."
        )
    chosen = target or LABELS
    if chosen not in known:
        raise UsageError(f"{dataset.name!r} has no {chosen!r}; allowed: {', '.join(known)}.")
    if chosen == LABELS and dataset.labels is not None:
        return chosen, dataset.labels
    assert dataset.factors is not None
    assert dataset.space is not None
    if chosen in dataset.space.continuous:
        raise UsageError(f"{chosen!r} of {dataset.name!r} is continuous, and probes predict classes; name another factor.")
    return chosen, dataset.factors[:, factors.index(chosen)].astype(np.int64)


def probe_encoder(
    vae: VAE,
    untrained: VAE,
    dataset: Dataset,
    *,
    latents: int,
    device: torch.device,
    target: str | None = None,
    label_counts: Sequence[int] = (),
    draws: int = DRAWS,
    penalty: float = PENALTY,
    seed: int = 0,
    kinds: Collection[str] = KINDS,
    progress: Progress | None = None,
) -> tuple[str, LabelCurves]:
    """The target's name, and label-efficiency curves of four kinds of codes.

    These are the encoder's means, those of the encoder before its first step, as many principal components of the pixels, and
    the pixels. Labels are drawn from training images; at most 10,000 held-out images are predicted.

    Args:
        vae, untrained: the model, and the same before its first step.
        dataset: whose images.
        latents: how many the model has.
        device: that both models are on.
        target: "labels" or a factor; labels unless given.
        label_counts, draws, seed: of the labels, see `unbraid.metrics.label_curves.draw_labels`.
        penalty: of the regularized classifier.
        kinds: of codes that have curves; all unless given.
        progress: told how many regressions of how many are done.

    Raises `UsageError` for a target that the data do not have, and as `draw_labels` and `label_curves` do.
    """
    name, values = target_of(dataset, target)
    train, test = dataset.split("train"), dataset.split("test")
    test = np.sort(np.random.default_rng(seed).permutation(test)[:MOST_TEST])
    drawn = draw_labels(values[train], values[test], label_counts=label_counts, draws=draws, seed=seed)
    train = train[drawn.labeled]
    codes: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for kind, one in ((ENCODER, vae), (UNTRAINED, untrained)):
        if kind in kinds:
            first, second = (encode_posteriors(one, dataset, index=index, device=device)[0] for index in (train, test))
            codes[kind] = first, second
    if {PCA, PIXELS} & set(kinds):
        codes |= _of_pixels(dataset, train, test, latents)
        codes = {kind: own for kind, own in codes.items() if kind in kinds}
    return name, label_curves(codes, drawn, penalty=penalty, progress=progress)


def _of_pixels(
    dataset: Dataset, train: Int[np.ndarray, "n"], test: Int[np.ndarray, "m"], latents: int
) -> Mapping[str, tuple[Float[np.ndarray, "n _"], Float[np.ndarray, "m _"]]]:
    """Principal components of images, and the images; without what they do not allow."""
    from sklearn import decomposition

    pixels = int(np.prod(dataset.shape))
    if pixels > MOST_PIXELS:
        warn(f"No rows of pixels and PCA: images have {pixels:,} values; at most {MOST_PIXELS:,} are read.")
        return {}
    first, second = (_flat(dataset, index) for index in (train, test))
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if latents <= min(first.shape):
        components = decomposition.PCA(latents, random_state=0).fit(first)
        found[PCA] = components.transform(first), components.transform(second)
    else:
        warn(f"No row of PCA: {len(first):,} images of {pixels:,} values have fewer than {latents} components.")
    found[PIXELS] = first, second
    return found


def _flat(dataset: Dataset, index: Int[np.ndarray, "n"]) -> Float32[np.ndarray, "n pixels"]:
    return dataset.images.floats(index).reshape(len(index), -1).astype(np.float32)
