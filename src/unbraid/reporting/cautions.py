"""What a reader should know before believing a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.figures.series import Series
from unbraid.metrics.score_table import above_ceiling
from unbraid.phrases import few
from unbraid.reporting.latents import Latent
from unbraid.reporting.numbers import count, decimal
from unbraid.training.run import Imported
from unbraid.training.symptoms import Symptom

LEAST_FALL, LEAST_ENTRIES, ERRORS = 0.005, 8, 2.5
"""When a loss still falls: in the last fifth of the run the second half lies below the first by
at least this share of the loss and by this many standard errors. With fewer entries nothing is said."""


@dataclass(frozen=True)
class Caution:
    """One warning: what is the case, and what it means."""

    title: str
    text: str
    kind: str = ""
    """What to call it together with others of its kind, where the title holds numbers."""


def cautions(
    *,
    latents: Sequence[Latent],
    loss: Series,
    sick: Sequence[Symptom],
    table: CodeTable,
    dataset: Dataset,
    scored: Mapping[str, Any],
    last_step: int,
    imported: Imported | None = None,
) -> list[Caution]:
    """All warnings that apply; `sick` is what the log shows at its end."""
    dead = _dead(latents, table)
    collapsed = dead is not None and all(not latent.active for latent in latents)
    found = [
        _of_others(imported),
        _unfinished(scored, last_step),
        *(Caution(one.title, one.text) for one in sick if not (collapsed and one.name == "posterior_collapse")),
        None if imported or any(one.name == "weak_discriminator" for one in sick) else _short_sighted(scored),
        dead,
        _still_falling(loss),
        _no_kl(table),
        _partial(table, dataset),
        _told("How the images were read", dataset.notes),
        _told("Scores to read with care", [*scored.get("doubts", ()), *above_ceiling(scored.get("metrics", {}))]),
        _no_test(table, dataset),
        _no_images(dataset),
    ]
    return [one for one in found if one]


def fall_at_end(loss: Series) -> tuple[float, float]:
    """How far a loss fell in the last fifth of the run, in its unit and as a share; 0 if in doubt."""
    known = loss.finite
    if not len(known):
        return 0.0, 0.0
    late = known.values[known.steps > 0.8 * known.steps[-1]]
    if len(late) < LEAST_ENTRIES:
        return 0.0, 0.0
    first, second = late[: len(late) // 2], late[len(late) // 2 :]
    fall = float(first.mean() - second.mean())
    error = float(np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)))
    level = abs(float(late.mean()))
    return (fall, fall / level) if fall > max(ERRORS * error, LEAST_FALL * level) else (0.0, 0.0)


def _of_others(imported: Imported | None) -> Caution | None:
    if imported is None:
        return None
    return Caution("Trained by others", " ".join([*imported.notes, f"Source: {imported.source}."]))


def _unfinished(scored: Mapping[str, Any], last_step: int) -> Caution | None:
    step = scored.get("step")
    if not isinstance(step, int) or step >= last_step:
        return None
    return Caution("Unfinished run", f"This is step {count(step)} of {count(last_step)}; the same command resumes the run.")


def _short_sighted(scored: Mapping[str, Any]) -> Caution | None:
    splits = scored.get("splits", {})
    seen = splits.get("train", {}).get("terms", {}).get("tc_discriminator")
    measured = (scored.get("kl_parts") or {}).get("tc")
    if seen is None or measured is None or measured["value"] - 2 * measured["error"] < max(0.5, 2 * seen):
        return None
    return Caution(
        "The discriminator sees little",
        f"The total correlation is {decimal(measured['value'])} ± {decimal(measured['error'])} nats as measured, of which the "
        f"discriminator sees {decimal(seen)} nats. Only what it sees is penalized: raise --discriminator-lr, or train longer.",
    )


def _dead(latents: Sequence[Latent], table: CodeTable) -> Caution | None:
    dead = sorted(latent.index for latent in latents if not latent.active)
    if not dead:
        return None
    names = few([f"z{j}" for j in dead])
    if len(dead) == len(latents):
        return Caution(
            "Collapsed posterior",
            f"No latent carries information about the image ({names}). Try a weaker regularizer or a longer run.",
        )
    what = "latent carries" if len(dead) == 1 else "latents carry"
    why = (
        "That is usual where the KL weighs much; images do not change along a dead latent."
        if table.variance.any()
        else "Without noise, that is a latent with the same value for every image."
    )
    return Caution(
        f"{len(dead)} of {len(latents)} latents are dead" if len(dead) > 1 else f"1 of {len(latents)} latents is dead",
        f"The {what} no information about the image: {names}. {why}",
        kind="Dead latents",
    )


def _still_falling(loss: Series) -> Caution | None:
    fall, share = fall_at_end(loss)
    if not fall:
        return None
    return Caution(
        "The loss was still falling",
        f"Within the last fifth of the run the {loss.label} fell by {decimal(fall)} nats per image "
        f"({decimal(100 * share, 1)} %), so the model is undertrained; --extend trains a finished run further.",
    )


def _no_kl(table: CodeTable) -> Caution | None:
    if len(table.kl) == 0:
        return Caution("No KL per latent", "This posterior has none; latents are sorted by the variance of their means.")
    if not np.isfinite(table.kl).all():
        return Caution("The KL is not finite", "Latents are sorted by the variance of their means instead.")
    return None


def _partial(table: CodeTable, dataset: Dataset) -> Caution | None:
    if len(table) >= len(dataset):
        return None
    return Caution(
        "Evaluated on a part",
        f"Scores and codes are of {count(len(table))} of {count(len(dataset))} images, a fixed pseudo-random part; "
        f"unbraid evaluate --evaluate-images {len(dataset)} takes all of them.",
    )


def _told(title: str, sentences: Sequence[str]) -> Caution | None:
    return Caution(title, " ".join(sentences)) if sentences else None


def _no_test(table: CodeTable, dataset: Dataset) -> Caution | None:
    if len(dataset.test) and table.is_test.any():
        return None
    return Caution("No test images", "No images were held out, so everything here is measured on training images.")


def _no_images(dataset: Dataset) -> Caution | None:
    if dataset.redistributable:
        return None
    return Caution(
        "No images embedded",
        f"The images of {dataset.name} may not be passed on, so this page holds none of them and none made from them.",
    )
