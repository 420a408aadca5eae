"""What models reach on all of dSprites when trained as long as published, and at what cost."""

from __future__ import annotations

import math
from typing import Any

from unbraid.reporting.view import RunView
from unbraid.studies.declaration import Arm, Budget, Claim, Length, Part, Study, Yardstick
from unbraid.studies.evidence import CURVE, MEAN_IMAGE, SHARES, TRAVERSALS, Evidence
from unbraid.studies.measures import ACTIVE, DEPENDENCE, GAIN, KL, LOSS_CHANGE, NLL, STUCK, Measure, Run, best_share, score
from unbraid.studies.over_training import EVALUATIONS, HoursTo, OverTraining
from unbraid.studies.parts import Note, ScoreTable, Shown, Strips
from unbraid.studies.registry import studies
from unbraid.studies.reports.orthogonal_decoder import SPRITE_FACTORS
from unbraid.studies.rules import Better, Every, MeanBeyond, NotBetter
from unbraid.sweep.compare.quantities import number

# lengths: images per run and seeds. As published, 50 passes over all 737,280 images, or 300,000 steps of 64
PASSES: dict[Budget, Length] = {"cpu": Length(7_372_800, 3), "paper": Length(36_864_000, 5)}
STEPS: dict[Budget, Length] = {"cpu": Length(3_200_000, 2), "paper": Length(19_200_000, 5)}
QUICK: dict[Budget, Length] = {"quick": Length(4_096, 1), **PASSES}

# settings: warm-ups are numbers of updates in the publications' codes, as shares of the published length
CHEN: dict[str, Any] = {
    "batch_size": 2_048, "lr": 1e-3, "beta": 6, "alpha": 1, "gamma": 1, "kl": "sampled", "estimator": "mws",
    "beta_start": 0, "beta_warmup": 0.389, "evaluate_every": 360,
}  # fmt: skip
LOCATELLO: dict[str, Any] = {
    "encoder": "locatello",
    "decoder": "locatello",
    "lr": 1e-4,
    "batch_size": 64,
    "evaluate_every": 5_000,
}
DISCRIMINATOR: dict[str, Any] = {
    "discriminator_lr": 1e-4, "discriminator_layers": 6, "discriminator_width": 1_000, "discriminator_init": "kaiming",
    "discriminator_steps": 1,
}  # fmt: skip


def arm(name: str, model: str, lengths: dict[Budget, Length], about: str = "", **options: Any) -> Arm:
    """A model on all of dSprites with ten latents."""
    shared = {"latent_dim": 10, "likelihood": "bernoulli", "optimizer": "adam", "test_share": 0.1}
    return Arm(name, model, "dsprites", {**shared, **options}, lengths, about)


TC_MLP = arm(
    "β-TCVAE, fully connected", "beta_tcvae", QUICK, "networks in bfloat16, losses in float32",
    encoder="mlp", decoder="mlp", precision="bfloat16", **CHEN,
)  # fmt: skip
TC_CONV = arm("β-TCVAE, convolutional", "beta_tcvae", PASSES, encoder="higgins", decoder="higgins", **CHEN)
FACTOR10 = arm("FactorVAE, γ 10", "factor_vae", STEPS, gamma=10, **LOCATELLO, **DISCRIMINATOR)
FACTOR35 = arm("FactorVAE, γ 35", "factor_vae", STEPS, gamma=35, **LOCATELLO, **DISCRIMINATOR)
BETA_B = arm(
    "β-VAE, capacity 25", "beta_vae_capacity", STEPS, "the capacity grows for the first third",
    encoder="burgess", decoder="burgess", batch_size=64, lr=5e-4, gamma=1_000, capacity=25, capacity_start=0,
    capacity_ramp=0.333, capacity_reduction="batch", evaluate_every=5_000,
)  # fmt: skip
ADA_GVAE = arm("Ada-GVAE", "ada_gvae", STEPS, "sees pairs of images that share factors", beta=1, **LOCATELLO)
PENALTIES = (TC_MLP, TC_CONV, FACTOR10, FACTOR35, BETA_B)
ARMS = (*PENALTIES, ADA_GVAE)


def _by_posteriors(view: RunView) -> dict[str, float] | None:
    from unbraid.evaluation.scores import samples_of
    from unbraid.metrics.mig import mig

    if view.dataset.space is None:
        return None
    found = mig(samples_of(view.table, view.dataset.space), definition="chen2018")
    return {name: round(float(value), 4) for name, value in found["per_factor"].items()}


BY_POSTERIORS = Evidence("mig_by_posteriors", _by_posteriors)
"""The gap of each factor by the definition chen2018."""


def _four_factors(run: Run) -> float:
    gaps = [number(gap) for name, gap in (run.evidence.get("mig_by_posteriors") or {}).items() if name != "shape"]
    return sum(gaps) / len(gaps) if gaps else math.nan


MIG, DCI, FACTOR_SCORE = score("mig"), score("dci.disentanglement"), score("factor_vae_score")
MIG4 = Measure("mig4", "MIG of Chen et al., without shape", _four_factors, True, (0.0, 1.0))
MARGIN = 0.05
"""How far below a published value a mean may lie and still reach it, and the smallest difference that matters."""

LIN = "Lin et al. (2020), Table 1"
REPORTED: dict[Arm, dict[str, str]] = {
    TC_MLP: {"mig4": "0.45", "factor_vae_score": "0.62 ± 0.07", "dci.disentanglement": "0.29 ± 0.10"},
    FACTOR10: {"mig": "0.40 ± 0.01", "factor_vae_score": "0.83 ± 0.01", "dci.disentanglement": "0.70 ± 0.02"},
    FACTOR35: {"mig": "0.15", "factor_vae_score": "0.82"},
}
"""As Lin et al. list them: those of FactorVAE with γ 10 are their own runs, the others the best they found reported."""


def reaches(one: Arm, measure: Measure) -> Claim:
    """That an arm's mean reaches what is reported of it, less the margin."""
    told = REPORTED[one][measure.key]
    value = float(told.split()[0])
    return Claim(
        f"{one.name} reaches {measure.name} {value:.2f}",
        LIN,
        MeanBeyond(one, measure, above=round(value - MARGIN, 2)),
        f"Reported: {told}. Reached is a mean not more than {MARGIN:g} below, by the definition of the column.",
    )


QUESTION = "Asked here; the papers' words are not quoted."
CLAIMS = (
    *(reaches(TC_MLP, measure) for measure in (MIG4, FACTOR_SCORE, DCI)),
    *(reaches(FACTOR10, measure) for measure in (MIG, FACTOR_SCORE, DCI)),
    reaches(FACTOR35, FACTOR_SCORE),
    Claim(
        "the fully connected β-TCVAE is not worse than the convolutional one",
        "Chen et al. (2018): question",
        NotBetter(TC_CONV, TC_MLP, MIG, MARGIN),
        f"By MIG. {QUESTION}",
    ),
    Claim(
        "FactorVAE reconstructs better than β-TCVAE",
        "Asked here",
        Better(FACTOR10, TC_CONV, NLL, 1.0),
        "γ 10 against the convolutional networks. Both as published: networks, batches and numbers of steps differ too.",
    ),
    Claim(
        "pairs that share factors help more than any penalty",
        "Locatello et al. (2020): question",
        Every(tuple(Better(ADA_GVAE, other, MIG, MARGIN) for other in PENALTIES)),
        f"By MIG, Ada-GVAE against each of the others. {QUESTION}",
    ),
)

SCORES = (MIG, MIG4, FACTOR_SCORE, DCI)
PARTS: tuple[Part, ...] = (
    Note(
        "What is tested",
        (
            "Each model with settings of its publication or of a code that published scores came from. The budget paper trains "
            "on as many images as 50 passes over all 737,280 (Chen et al.) or 300,000 steps of 64 images (Locatello et al.; of "
            "the others too). The budget cpu is a fifth and a sixth of that; schedules end at the same share of a run.",
            "Deviations: a tenth of the images is held out for reconstructions; the fully connected networks multiply in "
            "bfloat16; β of β-TCVAE grows from 0 over 7,000 of 18,000 updates, which its code does if asked; that Chen et al. "
            "used convolutions on dSprites is not said, and ours are those of Higgins et al.; FactorVAE has the networks of "
            "Locatello et al. and draws its second batch anew.",
            "MIG of Chen et al. is taken under the posteriors, over scale, orientation, x and y; the first column of MIG is "
            "this library's default, over all five factors.",
        ),
    ),
    ScoreTable("Scores beside the published ones", ARMS, SCORES, REPORTED, f"Published: {LIN}."),
    ScoreTable("Which factors are found", ARMS, tuple(best_share(name) for name in SPRITE_FACTORS)),
    ScoreTable("What it costs in nats", ARMS, (NLL, KL, DEPENDENCE, ACTIVE)),
    HoursTo("Hours until MIG is reached", ARMS, "mig", (0.1, 0.2, 0.3, 0.4)),
    OverTraining(
        "Scores over training",
        ARMS,
        "evaluations",
        (("mig", "MIG"), ("dcimig", "DCIMIG"), ("test/nll", "reconstruction, nats")),
        "One line per run: scores of 2,000 images, and the reconstruction of the held-out ones among them.",
    ),
    Strips("Every run", ARMS, SCORES),
    Shown("Traversals", ARMS, "traversals", "One row per latent, moved over its range from one image while the others stay."),
)


@studies.register(
    "dsprites-published",
    source="settings of Chen et al. (2018), Kim and Mnih (2018), Burgess et al. (2018) and Locatello et al. (2020); scores as "
    "listed by Lin et al. (2020), InfoGAN-CR and ModelCentrality, Table 1",
)
def dsprites_published() -> Study:
    """Do models trained on all of dSprites as published reach the published scores, and when.

    >>> [arm.steps("paper") for arm in dsprites_published().arms]
    [18000, 18000, 300000, 300000, 300000, 300000]
    """
    return Study(
        question="Do models that are trained on all of dSprites as published reach the published scores, and after how many "
        "hours of a laptop-class core?",
        arms=ARMS,
        claims=CLAIMS,
        parts=PARTS,
        yardsticks=(Yardstick(LOSS_CHANGE, at_most=0.05), Yardstick(GAIN, at_least=STUCK)),
        evidence=(CURVE, MEAN_IMAGE, SHARES, EVALUATIONS, BY_POSTERIORS, TRAVERSALS),
        scored={"quick": 500, "cpu": 20_000, "paper": 100_000},
        answers=(
            (
                "Why may a score be far from the published one at the budget cpu?",
                "Runs are a fifth to a sixth as long. The yardstick says that the loss hardly falls any more, not that scores "
                "have settled: see the scores over training.",
            ),
            (
                "Which MIG is the published one?",
                "Chen et al. leave the shape out and take information under the posteriors, which the second column does. The "
                "list does not say by which definition and over which factors each of its values was taken.",
            ),
        ),
    )
