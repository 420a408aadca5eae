"""The score of the beta-VAE paper: which factor did two samples share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unbraid.metrics.probes import multinomial_probe
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import standardized
from unbraid.metrics.votes import in_parts, rows_by_value
from unbraid.options import Option

DEFINITIONS = ("standardized", "locatello2019", "signed")


class VoteScores(TypedDict):
    """Accuracy of a vote, for each factor that was held fixed, and the accuracy of guessing."""

    score: float
    per_factor: dict[str, float]
    chance: float


Definition = Annotated[
    Literal["standardized", "locatello2019", "signed"], Option("how the differences of a vote become features")
]


@metrics.register(
    "beta_vae_score",
    source="Higgins et al. (2017), beta-VAE; protocol of Locatello et al. (2019)",
    formula="accuracy of a linear classifier that is given the mean of |z1 - z2| over pairs sharing a factor, and says which",
    range=(0.0, 1.0),
    perfect="1; by signed no more than chance",
    chance="1 / number of factors",
    blind="to rotations of factors with different numbers of values, which it mostly forgives",
    variants=(
        Variant(OWN),
        Variant(LOCATELLO, {"definition": "locatello2019"}),
        Variant("none; it shows that differences without their absolute value are blind", {"definition": "signed"}),
    ),
    sampled=True,
    rests_on="values",
)
def beta_vae_score(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "standardized",
    pairs: Annotated[int, Option("pairs of samples a vote", ge=1)] = 64,
    train_votes: Annotated[int, Option("votes that the classifier learns from", ge=1)] = 10_000,
    test_votes: Annotated[int, Option("votes that it is scored on", ge=1)] = 5_000,
    seed: Annotated[int, Option("seed of the votes", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> VoteScores:
    r"""Accuracy of a linear classifier that names the factor whose value samples share.

    Its input is how far apart the codes of these samples are.

    A vote chooses a factor k, and L pairs of samples with the same value of v_k within each pair. Its features are

    .. math:: \frac1L \sum_{l=1}^L \bigl| z_j(x_{l,1}) - z_j(x_{l,2}) \bigr|, \quad j = 1 \dots D,

    and its class is k. Samples are rows of the table: first any row, then any of those that share its value.
    Definitions:

    * "standardized": features are standardized, so that the scale of latents does not matter.
    * "locatello2019": they are not. With small codes the penalty of the classifier then keeps it at chance.
    * "signed": the difference without its absolute value, as some reports write it, standardized. Its mean is 0 whatever is
      shared, so it is blind: only its spread tells factors apart, which a linear classifier cannot use.

    Range 0 to 1. Chance is 1 / K. A perfect code scores 1. Two factors of equal sizes at 45 degrees score 1/2 where there are
    no others; among five, a rotation of all of them still scores 0.9. Per factor: the share of its votes that are right.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = beta_vae_score(codes, factors, train_votes=300, test_votes=100, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("The beta-VAE score", INSTEAD)
    require_choice("definition", definition, Definition)
    votes = draw_votes(samples, definition, pairs=pairs, train_votes=train_votes, test_votes=test_votes, seed=seed)
    return vote_scores(votes.named(), votes.truth, samples)


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes that a classifier learns from, and those that it is scored on.

    Args:
        learned, held: features, and which factor was shared, of votes to learn from.
        read, truth: the same of votes to score on.
    """

    learned: Float64[np.ndarray, "a d"]
    held: Int64[np.ndarray, "a"]
    read: Float64[np.ndarray, "b d"]
    truth: Int64[np.ndarray, "b"]

    def named(self, penalty: float = 1.0, first: int | None = None) -> Bool[np.ndarray, "b"]:
        """Whether a classifier names the factor of each vote.

        Args:
            penalty: of the classifier.
            first: how many votes it learns from; all unless given.
        """
        found = multinomial_probe(self.learned[:first], self.held[:first], self.read, penalty=penalty)
        return np.asarray(found.classes[found.scores.argmax(1)] == self.truth)


def draw_votes(
    samples: Samples,
    definition: Definition,
    *,
    pairs: int = 64,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    seed: int = 0,
) -> Votes:
    """The votes of `beta_vae_score`, which explains the arguments."""
    rng = np.random.default_rng(seed)
    held = rng.integers(0, samples.factors.shape[1], train_votes + test_votes)
    features = _differences(samples.codes, samples.factors, held, pairs, definition == "signed", rng)
    learned, read = features[:train_votes], features[train_votes:]
    if definition != "locatello2019":
        learned, read = standardized(learned, read)
    return Votes(learned, held[:train_votes], read, held[train_votes:])


def vote_scores(right: Bool[np.ndarray, "n"], held: Int64[np.ndarray, "n"], samples: Samples) -> VoteScores:
    """Accuracy over all votes, and over those of each factor; 0 for a factor without a vote."""
    count = samples.factors.shape[1]
    per_factor = [float(right[held == k].mean()) if (held == k).any() else 0.0 for k in range(count)]
    return {"score": float(right.mean()), "per_factor": samples.by_factor(per_factor), "chance": 1 / count}


def _differences(
    codes: Float64[np.ndarray, "n d"],
    factors: Int64[np.ndarray, "n k"],
    held: Int64[np.ndarray, "votes"],
    pairs: int,
    signed: bool,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "votes d"]:
    features = np.empty((len(held), codes.shape[1]))
    for k in range(factors.shape[1]):
        votes = np.flatnonzero(held == k)
        first = rng.integers(0, len(codes), (len(votes), pairs))
        second = rows_by_value(factors[:, k]).like(first, rng)
        for part in in_parts(len(votes), pairs * codes.shape[1]):
            difference = codes[first[part]] - codes[second[part]]
            features[votes[part]] = (difference if signed else np.abs(difference, out=difference)).mean(1)
    return features
