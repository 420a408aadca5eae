"""What a study says: plain records, read from top to bottom.

@studies.register("my-study", source="Doe (2021), A report")
def my_study() -> Study:
    \"\"\"Does beta disentangle?\"\"\"
    vae = Arm("VAE", "vae", "ellipses", {"batch_size": 32, "lr": 1e-3}, LENGTHS)
    beta = Arm("β-VAE, β 4", "beta_vae", "ellipses", {"batch_size": 32, "lr": 1e-3, "beta": 4}, LENGTHS)
    return Study(
        arms=[vae, beta],
        claims=[Claim("β 4 is more disentangled than the VAE", "IV.A", Better(beta, vae, score("mig"), margin=0.05))],
        parts=[ScoreTable("Scores", [vae, beta], [score("mig"), NLL])],
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

from unbraid.errors import UsageError
from unbraid.sweep.points import Request

if TYPE_CHECKING:
    from unbraid.studies.blocks import Block
    from unbraid.studies.evidence import Evidence
    from unbraid.studies.measures import Measure, Run

Budget = Literal["quick", "cpu", "paper"]
"""How long runs are: a check that all works, what two cores do in hours, and as published."""
BUDGETS: tuple[Budget, ...] = get_args(Budget)
Outcome = Literal["confirmed", "not confirmed", "reversed", "undecided", "undertrained", "cannot be tested here", "not run"]
"""`not confirmed`: there is no such effect as large as the margin. `undecided`: at this number of runs."""


@dataclass(frozen=True)
class Length:
    """Length of an arm: training images of each run, repeats included, and how many seeds.

    >>> Length(images=100_000, seeds=5)
    Length(images=100000, seeds=5)
    """

    images: int
    seeds: int


@dataclass(frozen=True, eq=False)
class Arm:
    """Runs that differ in their seed alone.

    Two arms with the same model, data, options and length are the same runs, in whatever studies they stand.

    Args:
        name: what tables call it.
        model, data: registered names, the data's with its path where it has one, as in "folder:PATH".
        options: as for `unbraid train`, without the seed and the length; `batch_size` must be among them. Say all that
            matters: defaults may change with the version.
        lengths: by budget; it is no part of budgets that are left out.
        about: what it is there for, in one sentence.

    >>> options = {"beta": 4.0, "batch_size": 64}
    >>> arm = Arm("beta 4", "beta_vae", "ellipses", options, {"cpu": Length(100_000, 5)})
    >>> arm.steps("cpu"), arm.seeds("cpu")
    (1562, range(0, 5))
    """

    name: str
    model: str
    data: str
    options: Mapping[str, Any]
    lengths: Mapping[Budget, Length]
    about: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.options.get("batch_size"), int):
            raise UsageError(f"Arm {self.name!r} says no batch_size, so {self.model!r} has no number of steps; add it.")
        for name in ("seed", "steps", "epochs"):
            if name in self.options:
                raise UsageError(f"Arm {self.name!r} has the option {name}; its lengths say that.")

    def steps(self, budget: Budget) -> int:
        """Training steps of a run; the arm must be part of the budget."""
        return max(1, round(self.lengths[budget].images / int(self.options["batch_size"])))

    def seeds(self, budget: Budget, asked: int | None = None) -> range:
        """Seeds of its runs: as many as are asked for, or as it says itself.

        There are none where the arm is not part of the budget.
        """
        if budget not in self.lengths:
            return range(0)
        return range(self.lengths[budget].seeds if asked is None else asked)

    def asked_options(self, budget: Budget) -> dict[str, Any]:
        """Options of its runs, without the seed."""
        return {**self.options, "steps": self.steps(budget)}

    def requests(self, budget: Budget, seeds: int | None = None) -> list[Request]:
        """Its runs, as a sweep asks for them; none where it is not part of the budget."""
        if budget not in self.lengths:
            return []
        options = self.asked_options(budget)
        return [Request(self.model, self.data, {**options, "seed": seed}) for seed in self.seeds(budget, seeds)]


@dataclass(frozen=True)
class Verdict:
    """What a rule decides.

    Args:
        outcome: in a word.
        text: the numbers it rests on.
        estimate, interval: of the quantity that decides, where there is one.
        needed: runs of each arm that would decide; None where it is decided or cannot be said.
        parts: the verdicts of a rule that is made of several, in their order.
        few: how many runs there are of each arm that has too few, by its name, where that is why nothing is decided.
        untrained: which yardsticks do not hold, where the runs are too short.
    """

    outcome: Outcome
    text: str
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    needed: int | None = None
    parts: Sequence[Verdict] = ()
    few: Mapping[str, int] = field(default_factory=dict)
    untrained: str = ""


@runtime_checkable
class Values(Protocol):
    """Where rules get their numbers."""

    def values(self, arm: Arm, measure: Measure) -> Mapping[int, float]:
        """The measure of each run of an arm, by seed; runs without it are left out."""
        ...


@runtime_checkable
class Rule(Protocol):
    """Decides a claim."""

    @property
    def arms(self) -> Sequence[Arm]:
        """The arms it rests on."""
        ...

    def decide(self, found: Values) -> Verdict:
        """The verdict on these runs."""
        ...


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence of the report.

    Args:
        text: its words, few.
        section: where it stands.
        rule: decides it.
        note: what a reader should know about the rule, in one sentence.

    >>> from unbraid.studies.registry import studies
    >>> claim = studies["soft-intro-tc"].factory().claims[0]
    >>> claim.section, type(claim.rule).__name__
    ('Fig. 1a', 'Every')
    """

    text: str
    section: str
    rule: Rule
    note: str = ""


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What must hold of an arm's mean before its runs count as trained.

    Args:
        measure: of a run.
        at_most, at_least: one of them.
        arms: that it holds for; all by default.

    >>> from unbraid.studies.measures import GAIN, STUCK
    >>> one = Yardstick(GAIN, at_least=STUCK)
    >>> one.words, one.holds(-0.14)
    ('gain over the mean image at least −0.05', False)
    """

    measure: Measure
    at_most: float | None = None
    at_least: float | None = None
    arms: Sequence[Arm] | None = None

    def holds(self, value: float) -> bool:
        """Whether a value of the measure passes; NaN does not."""
        if self.at_most is not None:
            return value <= self.at_most
        return self.at_least is not None and value >= self.at_least

    @property
    def words(self) -> str:
        """As in "change of the loss at most 0.02"."""
        bound = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        return f"{self.measure.name} {bound.replace('-', '−')}"


@runtime_checkable
class Part(Protocol):
    """Something that a page shows."""

    def blocks(self, results: Any) -> Iterator[Block]:
        """What it makes of the `Results` of a study."""
        ...


@dataclass(frozen=True, eq=False)
class Study:
    """A question, the runs that answer it, and what is made of them.

    Args:
        question: in one or two sentences.
        arms: in the order in which tables show them.
        claims: of the report.
        parts: tables and figures of the page, in order.
        yardsticks: while one of them does not hold for an arm, claims about it are "undertrained".
        evidence: what the ledger keeps of each run beside its scores; measures, tables and pictures are made from it.
        explorer: arms whose models `unbraid study NAME --explorer` puts into one page, best a grid.
        together: what is made of all runs at once, as how far each agrees with others: takes the runs of each arm, and gives
            them back with more evidence, which no ledger keeps.
        metrics: that runs are scored by; all of the core unless given.
        scored: images that runs are scored on at most, by budget.
        published: settings of the report, name and value, with what it leaves open.
        answers: what a reader of the report may ask, and the answer in a sentence where no arm or figure gives it.

    >>> from unbraid.studies.registry import studies
    >>> study = studies["beta-grid"].factory()
    >>> sorted({arm.data for arm in study.arms}), len(study.claims) > 10
    (['mnist', 'shapes'], True)
    """

    question: str
    arms: Sequence[Arm]
    claims: Sequence[Claim]
    parts: Sequence[Part]
    yardsticks: Sequence[Yardstick] = ()
    evidence: Sequence[Evidence] = ()
    explorer: Sequence[Arm] = ()
    together: Sequence[Callable[[Mapping[str, Sequence[Run]]], Mapping[str, Sequence[Run]]]] = ()
    metrics: Sequence[str] = ()
    scored: Mapping[Budget, int] = field(default_factory=lambda: {"quick": 200, "cpu": 20_000, "paper": 100_000})
    published: Sequence[tuple[str, str]] = ()
    answers: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise UsageError(f"Two arms have one name: {next(name for name in names if names.count(name) > 1)!r}.")
        for claim in self.claims:
            for arm in claim.rule.arms:
                if arm not in self.arms:
                    raise UsageError(
                        f"The claim {claim.text!r} rests on the arm {arm.name!r}, which is not one of the study's."
                    )

    def requests(self, budget: Budget, seeds: int | None = None) -> list[Request]:
        """All runs, as a sweep asks for them."""
        return [request for arm in self.arms for request in arm.requests(budget, seeds)]
