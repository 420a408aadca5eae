"""Label efficiency: how well linear classifiers of codes do, by the number of labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64, Integer, Shaped
from msgspec import Struct

from unbraid.errors import UsageError
from unbraid.metrics.intervals import mean_interval
from unbraid.metrics.probes import multinomial_probe
from unbraid.options import Option, checked
from unbraid.records import Count, Finite

LADDER = (10, 30, 100, 300, 1_000, 3_000)
"""Numbers of labels, as far as there are labels."""
DRAWS = 5
PENALTY = 1.0
ITERATIONS = 100
"""Of the regression, as in `linear_probe`: without a penalty it has no end on classes that can be separated."""

Numbers = list[list[Finite]]


class LabelCurve(Struct):
    """What a linear classifier makes of one kind of codes.

    Args:
        codes: what it reads, as in "encoder".
        penalty: times half the sum of squared weights; 0 for none.
        accuracy: share of unseen images whose class it names; one row per draw of labels, one column per number of labels.
        loss: mean -log probability of the true class of unseen images, in nats; of the same shape.
    """

    codes: str
    penalty: Finite
    accuracy: Numbers
    loss: Numbers


class LabelCurves(Struct):
    """Curves of several kinds of codes, all from the same draws of labels and the same unseen images.

    Args:
        label_counts: numbers of labels.
        draws: how often labels were drawn.
        seed: of the draws.
        classes: how many there are.
        train_images: that labels were drawn from.
        test_images: unseen ones.
        chance: accuracy of always naming the commonest class of the training images.
        chance_loss: of always giving classes the shares that they have among the training images, in nats.
        curves: of each kind of codes, without a penalty and with one.
    """

    label_counts: list[Count]
    draws: Count
    seed: Count
    classes: Count
    train_images: Count
    test_images: Count
    chance: Finite
    chance_loss: Finite
    curves: list[LabelCurve]

    def curve(self, codes: str, penalty: float = 0.0) -> LabelCurve:
        """The curve of a kind of codes. Raises `UsageError` where there is none."""
        for one in self.curves:
            if (one.codes, one.penalty) == (codes, penalty):
                return one
        known = ", ".join(dict.fromkeys(one.codes for one in self.curves))
        penalties = ", ".join(f"{one:g}" for one in self.penalties)
        raise UsageError(f"No curve of {codes!r} with penalty {penalty:g}; there are {known}, with penalties {penalties}.")

    @property
    def penalties(self) -> list[float]:
        """Of the curves, each once."""
        return list(dict.fromkeys(one.penalty for one in self.curves))


def over_draws(rows: Numbers) -> list[tuple[float, tuple[float, float]]]:
    """Mean and 95 % t interval over draws, for each number of labels.

    The interval is about which images are labeled. The unseen images and the codes are the same in all draws.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [(float(np.mean(column)), mean_interval(column)) for column in columns]


def label_order(labels: Integer[np.ndarray, "n"], rng: np.random.Generator) -> Int64[np.ndarray, "n"]:
    """A random order of images that begins with one image of each class."""
    rows = rng.permutation(len(labels)).astype(np.int64)
    firsts = np.sort(np.unique(labels[rows], return_index=True)[1])
    return np.concatenate([rows[firsts], np.delete(rows, firsts)])


@dataclass(frozen=True, eq=False)
class LabelDraws:
    """Which images are labeled and which are unseen, the same for all codes.

    Args:
        train, test: classes of the images that labels are drawn from, and of the unseen ones.
        label_counts: numbers of labels, ascending.
        orders: of the training images, one per draw: n labels are those of the first n.
        seed: of the draws.
    """

    train: Integer[np.ndarray, "n"]
    test: Integer[np.ndarray, "m"]
    label_counts: Sequence[int]
    orders: Sequence[Int64[np.ndarray, "_"]]
    seed: int

    @property
    def labeled(self) -> Int64[np.ndarray, "_"]:
        """The training images that any draw labels, ascending: only their codes are needed."""
        return np.unique(np.concatenate(self.orders))


@checked
def draw_labels(
    train: Integer[np.ndarray, "n"],
    test: Integer[np.ndarray, "m"],
    *,
    label_counts: Sequence[int] = (),
    draws: Annotated[int, Option("choices of labels")] = DRAWS,
    seed: Annotated[int, Option("of the draws", ge=0)] = 0,
) -> LabelDraws:
    """Choose which images are labeled.

    Each draw is an order of the training images: first one of each class, then all others at random. Fewer labels are thus
    always among more, and every class has been seen.

    Args:
        train, test: classes of the images that labels are drawn from, and of the unseen ones.
        label_counts: numbers of labels; by default those of `LADDER` that are possible.
        draws: how many.
        seed: of the draws.

    Raises `UsageError` for a single class, a class without a training image, no unseen image, and numbers of labels that are
    fewer than the classes or more than the training images.
    """
    classes = np.unique(train)
    if len(classes) < 2:
        raise UsageError(f"The training images have {len(classes)} class; a probe needs at least two.")
    if not len(test):
        raise UsageError("There is no held-out image to score a probe on; hold some out: --test-share 0.1.")
    if draws < 1:
        raise UsageError(f"draws is {draws}; allowed: at least 1.")
    unknown = np.setdiff1d(test, classes)
    if len(unknown):
        raise UsageError(
            f"{len(unknown)} classes have held-out images but no training image that could be labeled, the first is "
            f"{unknown[0]}; hold out others, or probe another factor."
        )
    chosen = sorted(set(label_counts)) or [one for one in LADDER if len(classes) <= one <= len(train)] or [len(train)]
    if not len(classes) <= chosen[0] <= chosen[-1] <= len(train):
        raise UsageError(
            f"Numbers of labels are {', '.join(f'{one:,}' for one in chosen)}; allowed: {len(classes):,} (one per class) to "
            f"{len(train):,} (all training images)."
        )
    orders = [label_order(train, np.random.default_rng([seed, draw]))[: chosen[-1]] for draw in range(draws)]
    return LabelDraws(train, test, chosen, orders, seed)


def label_curves(
    codes: Mapping[str, tuple[Shaped[np.ndarray, "n ..."], Shaped[np.ndarray, "m ..."]]],
    drawn: LabelDraws,
    *,
    penalty: float = PENALTY,
    progress: Callable[[int, int], None] | None = None,
) -> LabelCurves:
    r"""Held-out accuracy and loss of softmax regression on codes, by number of labels.

    Each kind of codes has a curve without a penalty and one with a penalty.

    .. math:: \min_{W, b} -\sum_{i=1}^n \log \mathrm{softmax}(W z_i + b)_{y_i} + \tfrac\lambda2 \lVert W \rVert^2

    Codes are centered and divided by one number, the root of their mean variance over all `labeled` images, which takes no
    label. Latents keep their relative scale, so that one that tells nothing stays small. Without a penalty the regression ends
    after 100 iterations of L-BFGS, as it has no optimum where classes can be separated.

    Args:
        codes: by name, those of the `labeled` images and of the unseen ones; further axes are flattened.
        drawn: which images are labeled.
        penalty: the lambda of the second kind of curve.
        progress: told how many regressions of how many are done.

    Raises `UsageError` for a penalty that is not positive and for codes that are not finite or of another number of images.
    """
    if not (np.isfinite(penalty) and penalty > 0):
        raise UsageError(f"The penalty is {penalty}; allowed: a positive number (curves without a penalty are made as well).")
    total = 2 * len(codes) * len(drawn.orders) * len(drawn.label_counts)
    curves: list[LabelCurve] = []
    for name, (train, test) in codes.items():
        learned, unseen = _scaled(name, train, test, len(drawn.labeled), len(drawn.test))
        for strength in (0.0, penalty):
            accuracy: Numbers = []
            loss: Numbers = []
            for order in drawn.orders:
                scored = []
                for count in drawn.label_counts:
                    rows = order[:count]
                    own = learned[np.searchsorted(drawn.labeled, rows)]
                    scored.append(_score(own, drawn.train[rows], unseen, drawn.test, strength))
                    if progress:
                        done = (len(curves) * len(drawn.orders) + len(accuracy)) * len(drawn.label_counts) + len(scored)
                        progress(done, total)
                accuracy.append([one[0] for one in scored])
                loss.append([one[1] for one in scored])
            curves.append(LabelCurve(name, strength, accuracy, loss))
    classes, counts = np.unique(drawn.train, return_counts=True)
    share = counts / counts.sum()
    return LabelCurves(
        label_counts=[int(one) for one in drawn.label_counts],
        draws=len(drawn.orders),
        seed=drawn.seed,
        classes=len(classes),
        train_images=len(drawn.train),
        test_images=len(drawn.test),
        chance=float((drawn.test == classes[counts.argmax()]).mean()),
        chance_loss=float(-np.log(share[np.searchsorted(classes, drawn.test)]).mean()),
        curves=curves,
    )


def _scaled(
    name: str, train: Shaped[np.ndarray, "n ..."], test: Shaped[np.ndarray, "m ..."], labeled: int, unseen: int
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]]:
    if (len(train), len(test)) != (labeled, unseen):
        raise UsageError(
            f"Codes of {name} are of {len(train):,} labeled and {len(test):,} unseen images; allowed: {labeled:,} and "
            f"{unseen:,}."
        )
    first, second = (part.reshape(len(part), -1).astype(np.float64) for part in (train, test))
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UsageError(f"The codes of {name} are not finite, so no classifier can read them.")
    center = first.mean(0)
    first -= center
    second -= center
    size = np.abs(first).max()
    scale = size * np.sqrt(np.mean((first / size) ** 2)) if size > 0 else 1.0  # squares of huge codes are not finite
    first /= scale
    second /= scale
    return first, second


def _score(
    learned: Float64[np.ndarray, "n d"],
    labels: Integer[np.ndarray, "n"],
    unseen: Float64[np.ndarray, "m d"],
    truth: Integer[np.ndarray, "m"],
    penalty: float,
) -> tuple[float, float]:
    said = multinomial_probe(learned, labels.astype(np.int64), unseen, penalty=penalty, iterations=ITERATIONS)
    right = said.scores[np.arange(len(truth)), np.searchsorted(said.classes, truth)]
    accuracy = (said.classes[said.scores.argmax(1)] == truth).mean()
    return float(accuracy), float(-np.log(np.maximum(right, np.finfo(np.float64).tiny)).mean())
