"""What a data set holds, in words: for `unbraid inspect`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unbraid.data.dataset import Dataset
from unbraid.data.factor_space import Factor
from unbraid.data.grids.duplicates import first_twins
from unbraid.data.storage import Selected

MOST = 20_000
"""Images that are looked at for pixels and duplicates; of more, a fixed pseudo-random part."""
_SEED = 20_261_130
_SHOWN = 8


@dataclass(frozen=True)
class Fact:
    """Something that was found: what it is about, and the finding."""

    about: str
    found: str


def facts_of(dataset: Dataset) -> Iterator[Fact]:
    """What there is to know of a data set before a model is trained on it."""
    n, (channels, height, width) = len(dataset), dataset.shape
    kind = {1: "gray", 3: "color"}.get(channels, f"of {channels} channels")
    yield Fact("images", f"{n:,}, {kind}, {height} x {width}")
    yield Fact("given in", str(dataset.value_range))
    rows = np.arange(n) if n <= MOST else np.sort(np.random.default_rng(_SEED).choice(n, MOST, replace=False))
    part = "" if len(rows) == n else f" (of {len(rows):,} images)"
    yield Fact("brightness", f"{_brightness(dataset, rows)}{part}")
    yield Fact("duplicates", f"{_duplicates(dataset, rows)}{part}")
    yield Fact("splits", f"{len(dataset.train):,} for training, {len(dataset.test):,} held out")
    yield from _factors(dataset)
    if dataset.labels is not None:
        yield Fact("classes", _classes(dataset.labels, dataset.label_names))
    if dataset.weights is not None:
        yield Fact("drawn", "some images more often than others in training")
    if dataset.walk is not None:
        yield Fact("order", "a continuous walk, not shuffled")
    yield Fact("in reports", "images are embedded" if dataset.redistributable else "images are left out")
    for note in dataset.notes:
        yield Fact("note", note)


def _brightness(dataset: Dataset, rows: np.ndarray) -> str:
    total, black, white, count, flat = 0.0, 0, 0, 0, 0
    for start in range(0, len(rows), 500):
        images = dataset.images.bytes(rows[start : start + 500])
        total += images.sum(dtype=np.float64)
        black += int((images == 0).sum())
        white += int((images == 255).sum())
        count += images.size
        flat += int((images.reshape(len(images), -1).std(1) == 0).sum())
    blank = f"; {flat:,} images of one color" if flat else ""
    return f"mean {total / count / 255:.2f}, {black / count:.0%} of values black, {white / count:.0%} white{blank}".replace(
        "%", " %"
    )


def _duplicates(dataset: Dataset, rows: np.ndarray) -> str:
    some = replace(
        dataset,
        images=Selected(dataset.images, rows),
        test=np.empty(0, np.int64),
        factors=None,
        space=None,
        labels=None,
        walk=None,
        weights=None,
    )
    twins = first_twins(some)
    again = np.flatnonzero(twins != np.arange(len(rows)))
    if not len(again):
        return "none"
    held_out = dataset.is_test[rows]
    across = int((held_out[again] != held_out[twins[again]]).sum())
    first, other = int(rows[again[0]]), int(rows[twins[again[0]]])
    leak = f"; {across:,} of them lie on both sides of the split" if across else ""
    return f"{len(again):,} images are the same as an earlier one, first image {first:,} as {other:,}{leak}"


def _factors(dataset: Dataset) -> Iterator[Fact]:
    if dataset.space is None or dataset.factors is None:
        yield Fact("factors", "none known, so there are no scores of disentanglement")
        return
    for k, factor in enumerate(dataset.space.factors):
        if factor.continuous:
            unit = f" {factor.unit}" if factor.unit else ""
            yield Fact(f"factor {factor.name}", f"{factor.kind}, continuous from {factor.extent}{unit}")
            continue
        used = len(np.unique(dataset.factors[:, k]))
        yield Fact(f"factor {factor.name}", f"{factor.kind}, {factor.size} values{_values(factor)}{_unused(used, factor)}")
    if not dataset.space.is_grid:
        names = dataset.space.continuous
        yield Fact("grid", f"none, since {', '.join(names)} {'is' if len(names) == 1 else 'are'} continuous")
        return
    combinations = math.prod(dataset.space.sizes)
    if dataset.is_whole_grid:
        yield Fact("grid", f"full: each of {combinations:,} combinations once")
    else:
        held = len(np.unique(dataset.factors, axis=0))
        yield Fact("grid", f"{held:,} of {combinations:,} combinations occur, in {len(dataset):,} images")


def _values(factor: Factor) -> str:
    names = factor.labels or tuple(f"{value:.4g}" for value in factor.values)
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f": {shown}{f' ({factor.unit})' if factor.unit else ''}"


def _unused(used: int, factor: Factor) -> str:
    return f"; {factor.size - used} of them never occur" if used < factor.size else ""


def _classes(labels: np.ndarray, names: Sequence[str]) -> str:
    counts = Counter(labels.tolist())
    shown = ", ".join(f"{names[code] if names else code} {n:,}" for code, n in counts.most_common(_SHOWN))
    return f"{len(counts)}: {shown}" + (", ..." if len(counts) > _SHOWN else "")
