"""A run as figures and pages see it: each of its files is read when something first asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from unbraid.codes import CodeTable
from unbraid.config.experiment import Experiment
from unbraid.data.dataset import Dataset
from unbraid.errors import CorruptFile, UnbraidError, UsageError
from unbraid.evaluation.scores import follows
from unbraid.evaluation.stored import Origin, Scores, read_scores, require_of_experiment
from unbraid.figures.grids import to_bytes
from unbraid.loading import model_of
from unbraid.log_entry import Entry
from unbraid.model import Model
from unbraid.records import to_json
from unbraid.reporting.headline import shown_factors
from unbraid.reporting.latents import Latent, in_order, shares_of, shares_of_active
from unbraid.training.checkpoint import Checkpoint
from unbraid.training.log import read_log
from unbraid.training.run import CODES, METRICS, Run


@dataclass(frozen=True)
class RunView:
    """A trained and, for most figures, scored run: the one reader of its stored files.

    Args:
        run: the run.
        given: the data of the run, or their current location; None takes the location in the configuration.
        device: where its model goes, as `unbraid.load` takes it.
    """

    run: Run
    given: Dataset | str | None = None
    device: str = "auto"

    @property
    def name(self) -> str:
        """As the user gave it, for errors."""
        return str(self.run.folder)

    @property
    def experiment(self) -> Experiment:
        """Its configuration."""
        return self.run.experiment

    @cached_property
    def newest(self) -> Checkpoint | None:
        """Its newest sound checkpoint, without the state of optimizers; None where none was kept."""
        saved = self.run.newest()
        return None if saved is None else replace(saved, training={})

    @cached_property
    def model(self) -> Model:
        """The model of the newest checkpoint."""
        return model_of(self.run, self.newest, self.device)

    @cached_property
    def dataset(self) -> Dataset:
        """The data it was trained on."""
        return self.experiment.load_data(self.given)

    @cached_property
    def log(self) -> list[Entry]:
        """Its log."""
        return read_log(self.run.log)

    def stored_scores(self, *, sound_only: bool = False) -> Scores | None:
        """What `metrics.json` holds, of whatever step; None where there is no such file.

        Args:
            sound_only: None also for a damaged file, as for whoever makes the scores anew.

        Raises `CorruptFile` for a damaged file and for scores of another configuration or of other data.
        """
        path = self.run.folder / METRICS
        if not path.is_file():
            return None
        try:
            scores = read_scores(path)
        except UnbraidError:
            if sound_only:
                return None
            raise
        require_of_experiment(scores, self.experiment, path)
        return scores

    def stored_codes(self, origin: Origin) -> CodeTable | None:
        """What `codes.npz` holds if it is sound and was made from this."""
        try:
            table = CodeTable.load(self.run.folder / CODES)
        except UnbraidError:
            return None
        return table if table.origin == origin.digest else None

    def _is_current(self, scores: Scores) -> bool:
        """Whether scores are of the newest checkpoint; also where no checkpoint was kept.

        Raises `CorruptFile` for scores of a later step: their checkpoint is lost.
        """
        if self.newest is None:
            return True
        step = self.newest.state.step
        if scores.step > step:
            raise CorruptFile(
                f"{self.run.folder / METRICS}: its scores are of step {scores.step:,}, whose checkpoint is damaged or gone; "
                f"the newest sound one is of step {step:,}. Train the run again to step {scores.step:,}, or score that one: "
                f"unbraid evaluate {self.name} --overwrite."
            )
        return scores.step == step

    @property
    def is_scored(self) -> bool:
        """Whether the newest checkpoint was scored and has codes.

        Raises `CorruptFile` for scores that are damaged, of another configuration, or of a later step.
        """
        scores = self.stored_scores()
        return scores is not None and self._is_current(scores) and (self.run.folder / CODES).is_file()

    @cached_property
    def scores(self) -> Scores:
        """The scores of the newest checkpoint.

        Raises `UsageError` where it was not scored, and `CorruptFile` as `is_scored` does.
        """
        scores = self.stored_scores()
        if scores is None:
            raise UsageError(f"{self.name} has not been scored; score it first: unbraid evaluate {self.name}.")
        if not self._is_current(scores):
            raise UsageError(
                f"{self.name} was scored at step {scores.step:,} and trained further since; score it anew: "
                f"unbraid evaluate {self.name}."
            )
        return scores

    @cached_property
    def scored(self) -> Mapping[str, Any]:
        """The same as plain content."""
        content: Mapping[str, Any] = to_json(self.scores)
        return content

    @cached_property
    def table(self) -> CodeTable:
        """Its codes. Raises `UsageError` without scores, `CorruptFile` where they do not fit the scores."""
        scores = self.scores  # first: a run that was not scored has no codes either
        table = CodeTable.load(self.run.folder / CODES)
        self._require_equal("latents", table.latent_dim, self.experiment.latent_dim)
        self._require_equal("images", len(table), scores.images)
        self._require_equal("origin", table.origin, scores.origin.digest if scores.origin else table.origin)
        return table

    def require_codes_of_data(self) -> None:
        """Raise `CorruptFile` where the codes are not those of the data set, which is loaded for this."""
        space = self.dataset.space
        self._require_equal("factors", self.table.factor_names, space.names if space else ())
        self._require_equal("values of the factors", self.table.factor_sizes, space.sizes if space else ())
        inside = int(self.table.index.max(initial=0)) < len(self.dataset)
        self._require_equal("images of the data set at most", inside, True)

    def _require_equal(self, what: str, given: Any, wanted: Any) -> None:
        if given != wanted:
            raise CorruptFile(
                f"{self.run.folder / CODES} is not of this run and its scores: {what}: {given} there, {wanted} here. Make both "
                f"anew: unbraid evaluate {self.name}."
            )

    @cached_property
    def shares(self) -> Float[np.ndarray, "d k"] | None:
        """Share of each scored factor's entropy that each latent knows; None without factors or finite codes."""
        return shares_of(self.table, self.scored)

    @cached_property
    def latents(self) -> list[Latent]:
        """All latents, the most informative first, with the factors they follow."""
        shares = self.shares
        return in_order(self.table, follows(shares, self.table.scored_names) if shares is not None else [])

    @property
    def active_shares(self) -> Float[np.ndarray, "d k"]:
        """Shares of active latents, 0 for dead ones. Raises `UsageError` where there are none."""
        return shares_of_active(self.need_shares(), self.latents)

    @property
    def shown_names(self) -> Sequence[str]:
        """Names of the scored factors, or of very many those that a latent knows best."""
        names = self.table.scored_names
        return names if self.shares is None else [names[k] for k in shown_factors(self.active_shares)]

    @property
    def labels(self) -> list[str]:
        """Of all latents in their own order, like "z3 · 1.8 nats · scale"."""
        return [one.label for one in sorted(self.latents, key=lambda one: one.index)]

    def encoded(self, rows: Int[np.ndarray, "n"]) -> Float32[np.ndarray, "n d"]:
        """Posterior means of images of its data."""
        codes: np.ndarray = self.model.encode(self.dataset.images.floats(rows), scaled=True)
        return codes

    def reconstructed(self, rows: Int[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """Images of its data, decoded from their posterior means."""
        return to_bytes(self.model.decode(self.encoded(rows)))

    def need_shares(self) -> Float[np.ndarray, "d k"]:
        """The information shares. Raises `UsageError` without factors or with non-finite codes."""
        self.need_factors()
        if self.shares is None:
            raise UsageError(f"The codes of {self.name} are not finite, so they tell nothing of factors.")
        return self.shares

    def need_factors(self) -> None:
        """Raise `UsageError` where the data have no factors with classes."""
        if not self.table.has_factors:
            continuous = ", ".join(self.table.continuous)
            lacks = f"whose factors ({continuous}) have no classes" if continuous else "which has no factors"
            raise UsageError(
                f"{self.name} was trained on {self.experiment.data_name!r}, {lacks}, and this figure needs them; take a run on "
                "data with factors: unbraid list datasets."
            )

    def need_same_factors(self, other: RunView) -> None:
        """Raise `UsageError` where the factors are not those of another run, or there are none."""
        self.need_factors()
        if self.table.scored_names != other.table.scored_names:
            raise UsageError(
                f"{other.name} has the factors {', '.join(other.table.scored_names)} and {self.name} "
                f"{', '.join(self.table.scored_names)}; this figure needs runs with the same."
            )


def need_image(dataset: Dataset, index: int) -> int:
    """The index of an image. Raises `UsageError` where there is none of that index."""
    if not 0 <= index < len(dataset):
        raise UsageError(f"Image {index} of {dataset.name!r}; allowed: 0 to {len(dataset) - 1}.")
    return index


def need_same_data(views: Sequence[RunView]) -> None:
    """Raise `UsageError` for runs whose data differ in an image, its index, or its split."""
    first = views[0].experiment
    for view in views[1:]:
        other = view.experiment
        if first.images != other.images:
            raise UsageError(
                f"{views[0].name} and {view.name} were trained on different data ({first.address} and {other.address}, or "
                "their options differ); runs shown together need the same images."
            )
