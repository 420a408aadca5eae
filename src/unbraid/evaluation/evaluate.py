"""Everything that is measured of a trained model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from msgspec import UNSET

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.evaluation.bound import importance_weighted_bound
from unbraid.evaluation.encoding import choose_images, encode_dataset, encode_posteriors
from unbraid.evaluation.loss_rows import Estimate, KLParts, SplitLosses
from unbraid.evaluation.losses import Losses, objective_losses
from unbraid.evaluation.scores import (
    Metrics,
    active_latents,
    choose_metrics,
    follows,
    information_shares,
    losses,
    posterior_samples,
    quick_scores,
    reference_arguments,
    samples_of,
)
from unbraid.evaluation.stored import Scores, Split
from unbraid.evaluation.without_labels import decoder_scores
from unbraid.metrics.aggregate_posterior import kl_decomposition
from unbraid.metrics.evaluate import REFERENCE_SAMPLES
from unbraid.metrics.evaluate import evaluate as evaluate_metrics
from unbraid.metrics.score_table import ScoreTable
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Objective
from unbraid.progress import Progress, Stages
from unbraid.randomness import derived_seed, torch_generator
from unbraid.terms import Context

BOUND_IMAGES = 256
BOUND_DRAWS = 64
"""Images of each split and draws of each for the bound on log p(x): its standard error is a few tenths of a nat."""


@dataclass(frozen=True)
class Scope:
    """How a model is scored.

    Args:
        seed: of its run.
        step: that it is at.
        n_steps: of its run; schedules depend on both.
        batch_size: of its training, since some terms depend on what a batch holds.
        device: where its weights are.
        bound_images: of each split, at most, for the bound on log p(x).
        progress: called with the title of a stage, gives what counts it.
    """

    seed: int
    step: int
    n_steps: int
    batch_size: int
    device: torch.device
    bound_images: int = BOUND_IMAGES
    progress: Stages | None = None

    def counting(self, stage: str) -> Progress | None:
        """What counts a stage."""
        return self.progress(stage) if self.progress else None

    def noise(self, purpose: str) -> torch.Generator:
        """The randomness for a purpose, the same each time the model is scored."""
        return torch_generator(self.seed, purpose, self.step, device=self.device)


def evaluate_model(
    vae: VAE,
    objective: Objective,
    dataset: Dataset,
    scope: Scope,
    *,
    limit: int | None = None,
    metrics: Metrics | None = None,
    intervals: int = 0,
    nulls: int = 0,
    untrained: VAE | None = None,
) -> tuple[CodeTable, Scores]:
    """Everything that `metrics.json` holds, and the code table it was computed from.

    Args:
        limit: images to score at most; all by default.
        metrics: "core" (by default), "all", names, or a mapping of names to options.
        intervals: halves of the images that intervals are made from, see `unbraid.metrics.evaluate`.
        nulls: draws of each null encoder, see there.
        untrained: the model before its first step, whose scores are shown beside.
    """
    chosen = choose_metrics(metrics, dataset.space is not None)
    noise = scope.noise("evaluation")
    table = encode_part(vae, dataset, scope, noise, limit=limit)
    splits: dict[Split, SplitLosses] = {}
    units: dict[str, str] = {}
    labels: dict[str, str] = {}
    for split, found in losses(table).items():
        splits[split], shown = _score_split(vae, objective, dataset, table, split, found, scope, noise)
        units |= shown.units
        labels |= shown.labels
    active = active_latents(table)
    scores = Scores(
        step=scope.step,
        images=len(table),
        of_images=len(dataset),
        splits=splits,
        units=units,
        labels=labels,
        kl_per_dim=[float(value) for value in table.kl],
        active=active.tolist(),
        metrics={},
        without_labels=decoder_scores(vae, table, device=scope.device),
        kl_parts=_kl_parts(table, scope) if len(table.kl) else None,  # latents are independent given an image, and normal
    )
    if chosen and table.factor_names:
        scored = score_codes(table, dataset, scope, metrics=chosen, intervals=intervals, nulls=nulls, untrained=untrained)
        scores.metrics, scores.doubts = scored.scores, list(scored.doubts)
        shares = information_shares(samples_of(table))
        named = follows(shares, table.scored_names)
        scores.factors, scores.information_shares = list(table.scored_names), shares.tolist()
        scores.follows = [name if alive else "" for name, alive in zip(named, active, strict=True)]
    return table, scores


def encode_part(vae: VAE, dataset: Dataset, scope: Scope, noise: torch.Generator, *, limit: int | None = None) -> CodeTable:
    """The codes of a data set, or of a fixed part of it; arguments as in `evaluate_model`."""
    index, progress = choose_images(dataset, limit), scope.counting("encoding")
    return encode_dataset(vae, dataset, index=index, generator=noise, device=scope.device, progress=progress)


def score_codes(
    table: CodeTable,
    dataset: Dataset,
    scope: Scope,
    *,
    metrics: Metrics,
    intervals: int = 0,
    nulls: int = 0,
    untrained: VAE | None = None,
) -> ScoreTable:
    """Metrics of codes of a data set, beside what they are compared with.

    Arguments as in `evaluate_model`.
    """
    chosen = choose_metrics(metrics, bool(table.factor_names))
    references = reference_arguments(dataset, table.index)
    if untrained is not None:
        rows = np.sort(np.random.default_rng(0).permutation(table.index)[:REFERENCE_SAMPLES])
        mean, variance = encode_posteriors(untrained, dataset, index=rows, device=scope.device)
        assert dataset.factors is not None
        references["untrained"] = posterior_samples(
            mean, variance, dataset.factors[rows], table.factor_names, table.continuous, dataset.space
        )
    progress = scope.counting("metrics")
    return evaluate_metrics(
        samples_of(table, dataset.space),
        metrics=chosen,
        seed=scope.seed,
        intervals=intervals,
        nulls=nulls,
        **references,
        progress=progress,
    )


def _score_split(
    vae: VAE,
    objective: Objective,
    dataset: Dataset,
    table: CodeTable,
    split: Split,
    found: Mapping[str, Any],
    scope: Scope,
    noise: torch.Generator,
) -> tuple[SplitLosses, Losses]:
    """Losses of the encoded images of one split, and the terms among them with units and labels."""
    rows = table.index[table.is_test == (split == "test")]
    context = Context(scope.step, scope.n_steps, len(dataset.split(split)), noise, training=False)
    shown = objective_losses(
        vae,
        objective,
        dataset,
        index=rows,
        batch_size=scope.batch_size,
        context=context,
        device=scope.device,
        progress=scope.counting(f"losses on the {split} split"),
    )
    bound = importance_weighted_bound(
        vae,
        dataset,
        index=np.sort(np.random.default_rng(0).permutation(rows)[: scope.bound_images]),
        draws=BOUND_DRAWS,
        generator=scope.noise("bound"),
        device=scope.device,
        progress=scope.counting(f"bound on log p(x), {split} split"),
    )
    terms = dict(shown.terms)
    loss = terms.pop("loss") if "loss" in terms else UNSET  # where no move is joint each player has its own
    constant = float(vae.likelihood.normalizer(math.prod(dataset.shape)).detach())
    return SplitLosses(**found, terms={**terms}, log_p_bound=bound, nll_constant=constant, loss=loss), shown


def _kl_parts(table: CodeTable, scope: Scope) -> KLParts:
    """The KL and its three parts under the aggregate posterior of all images encoded."""
    rng = np.random.default_rng(derived_seed(scope.seed, "aggregate", scope.step))
    parts = asdict(kl_decomposition(table.mean, table.variance, rng=rng))
    parts |= {"mi": Estimate(**parts["mi"]), "tc": Estimate(**parts["tc"])}
    return KLParts(**{**parts, "dimension_wise_kl_per_dim": parts["dimension_wise_kl_per_dim"].tolist()})


def periodic(dataset: Dataset, seed: int, device: torch.device, limit: int = 2_000) -> Callable[[VAE, int], Mapping[str, Any]]:
    """A quick evaluation for use during training, on a fixed part of the images.

    Metrics that train classifiers are left out.
    """
    index = choose_images(dataset, limit)

    def evaluate(vae: VAE, step: int) -> Mapping[str, Any]:
        noise = torch_generator(seed, "evaluation", step, device=device)
        table = encode_dataset(vae, dataset, index=index, generator=noise, device=device)
        values: dict[str, Any] = {"kl": float(table.kl.sum())} if len(table.kl) else {}
        for split, found in losses(table).items():
            values |= {f"{split}/nll": found["nll"], f"{split}/nll_at_mean": found["nll_at_mean"]}
        return values | (quick_scores(samples_of(table, dataset.space)) if table.factor_names else {})

    return evaluate
