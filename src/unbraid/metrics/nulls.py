r"""Null encoders, in which no latent stands for a factor of its own, and scores corrected for them.

Three of them, with as many samples and latents as the code that is scored, and the same factors:

* "random": independent normal latents that know nothing.
* "linear": a random linear map of the factors. All is known, and every latent mixes everything.
* "copied": one factor in every latent. One thing is known very well, and nothing else.

A score :math:`s` is corrected for a null encoder as an index is adjusted for chance,

.. math:: \frac{s - \bar s_0}{s_{\max} - \bar s_0},

where :math:`\bar s_0` is the null encoder's mean score over draws and :math:`s_{\max}` the largest value of the metric: the
null encoder gets 0 on average, and the best score 1. Below 0 a code scores less than the null encoder. A code is best held
against the strictest null encoder, the one that scores most. It is not corrected for one that leaves too little room, since the
metric does not tell that one from the best code; nor where the draws do not yet show its mean.
Source: Hubert and Arabie (1985), Comparing partitions, who adjust an index for chance. "Who guards the guardians?" (2026), an
audit of metrics, asks to report what a null encoder scores with as many samples, latents and factors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.errors import UsageError
from unbraid.metrics.registry import metrics as registry
from unbraid.metrics.samples import Samples
from unbraid.metrics.score_table import nodes

KINDS: Mapping[str, str] = {
    "random": "random code",
    "linear": "random linear map of the factors",
    "copied": "one factor in every latent",
}
"""Null encoders, and how tables call them."""
FEW_DRAWS = "so few draws do not show its mean"
NOISE_VARIANCE = 0.1
"""Posterior variance of random codes, whose means have variance 1."""
LEAST_ROOM = 0.2
"""A null encoder is subtracted if it leaves this share of the metric's range: what is left of less is mostly noise."""
MOST_ERROR = 0.01
"""A score is corrected where this is the most standard error, by the draws: a null encoder gets 0 up to twice that."""


def null_codes(kind: str, best: Samples, latents: int, draws: int, seed: int) -> Iterator[Samples]:
    r"""Draws of a null encoder.

    Args:
        kind: one of `KINDS`.
        best: the factors as codes of mean 0 and variance 1, or what of them images tell; where they have variances the null
            codes have some too. Those of a linear map :math:`z = W v` are :math:`W^2 \sigma_v^2`, those of a copy the factor's.
        latents: of the codes.
        draws: how many, see `draws_of`.
        seed: of the draws.

    Raises `UsageError` for a kind that does not exist.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no null encoder {kind!r}; allowed: {', '.join(KINDS)}.")
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    order = rng.permutation(_known(best))
    for number in range(draws_of(kind, best, draws)):
        if kind == "random":
            codes = rng.standard_normal((len(best), latents))
            yield best.with_codes(codes, None if best.variance is None else np.full_like(codes, NOISE_VARIANCE))
        elif kind == "copied":
            yield best.latents(np.repeat(order[number % len(order)], latents))
        else:
            yield _mapped(best, rng.standard_normal((best.codes.shape[1], latents)))


def draws_of(kind: str, best: Samples, draws: int) -> int:
    """How many draws there are of so many that are asked for.

    Factors are copied in turn, all of them equally often.
    """
    turn = _turn(kind, best)
    return draws - draws % turn if draws > turn else draws


def _turn(kind: str, best: Samples) -> int:
    """After how many draws a null encoder begins anew, with other votes and models alone."""
    return len(_known(best)) if kind == "copied" else 1


def _known(best: Samples) -> Int64[np.ndarray, "_"]:
    """The columns that are not constant; where all are, the first."""
    varying = np.flatnonzero(best.codes.std(0) > 0)
    return varying if len(varying) else np.array([0])


def _mapped(best: Samples, weights: Float64[np.ndarray, "k d"]) -> Samples:
    """A linear map of codes and their variances, scaled to variance 1."""
    codes = best.codes @ weights
    scale = codes.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return best.with_codes(codes / scale, None if best.variance is None else best.variance @ weights**2 / scale**2)


def corrected(score: float, null: float, highest: float = 1.0) -> float:
    """A score on a scale where a null encoder's mean is 0 and the largest value of the metric 1."""
    return (score - null) / (highest - null)


def standard_error(scores: Sequence[float], turn: int = 1) -> float:
    """Standard error of the mean of a null encoder's scores; infinite for a single one.

    Every `turn` draws are the same codes again. After two turns what these differ by is no error: they are there equally often.
    """
    if len(scores) < 2:
        return math.inf
    turns = np.reshape(scores, (-1, turn)) if len(scores) >= 2 * turn else np.reshape(scores, (-1, 1))
    return float(np.sqrt(turns.var(0, ddof=1).mean() / len(scores)))


def attach_nulls(found: Mapping[str, dict[str, Any]], drawn: Mapping[str, Sequence[Mapping[str, Any]]], best: Samples) -> None:
    """Put beside every score what null encoders score, and the score corrected for them.

    A node gets `nulls`: by kind, `mean`, `sd` and number of `draws` of the null's scores, and `corrected`, with its standard
    `error` by the draws, or else `not_corrected`, the reason. The strictest kind is the one with the highest mean among those
    that leave room: the node has that mean as `null`, the kind as `null_of`, and the score corrected for it as `corrected`.

    Args:
        found: results of metrics of a code.
        drawn: by kind, results of each draw; a metric that refused the codes has its reason in their place.
        best: what the draws were made of.
    """
    for metric, result in found.items():
        low, highest = registry[metric].details.get("range", (-math.inf, math.inf))
        for part, node in nodes(result):
            node["nulls"] = {
                kind: _beside(node["score"], [own[metric] for own in draws], part, (low, highest), _turn(kind, best))
                for kind, draws in drawn.items()
            }
            usable = {kind: null["mean"] for kind, null in node["nulls"].items() if "error" in null}
            if usable:
                strictest = max(usable, key=lambda kind: usable[kind])
                node |= {"null": usable[strictest], "null_of": strictest}
                if "corrected" in node["nulls"][strictest]:
                    node["corrected"] = node["nulls"][strictest]["corrected"]


def _beside(score: float, draws: Sequence[Any], part: str, bounds: tuple[float, float], turn: int) -> dict[str, Any]:
    refused = next((own for own in draws if isinstance(own, str)), None)
    if refused is not None:
        return {"not_corrected": f"the metric refuses it: {refused}"}
    scores = [float(dict(nodes(own))[part]["score"]) for own in draws]
    mean, (low, highest) = float(np.mean(scores)), bounds
    beside = {"mean": mean, "sd": float(np.std(scores, ddof=1)), "draws": len(scores)}
    if not math.isfinite(highest - low):
        return beside | {"not_corrected": "the metric has no largest value"}
    if highest - mean < LEAST_ROOM * (highest - low):
        return beside | {"not_corrected": f"it leaves less than {LEAST_ROOM:.0%} of the metric's range"}
    error = standard_error(scores, turn) / (highest - mean)
    if error > MOST_ERROR:
        needed = math.ceil(len(scores) * (error / MOST_ERROR) ** 2)
        return beside | {"error": error, "not_corrected": FEW_DRAWS, "draws_needed": needed}
    return beside | {"error": error, "corrected": corrected(score, mean, highest)}
