"""Does a penalty on the decoder's Jacobian find factors: independent, dependent, with holes."""

from __future__ import annotations

from typing import Any

from unbraid.studies.declaration import Arm, Budget, Claim, Length, Part, Study, Yardstick
from unbraid.studies.evidence import CURVE, MEAN_IMAGE
from unbraid.studies.measures import ACTIVE, CONTRAST, DEPENDENCE, GAIN, KL, LOSS_CHANGE, NLL, OVERLAP, STUCK, score
from unbraid.studies.parts import Against, DifferenceTable, Note, ScoreTable, Strips
from unbraid.studies.registry import studies
from unbraid.studies.reports.leaderboard import BETA4, PROTOCOL, QUESTION, VAE
from unbraid.studies.rules import Better, Every, MeanBeyond, NotBetter

# lengths: images per run and seeds
LONG: dict[Budget, Length] = {"cpu": Length(100_000, 5), "paper": Length(19_200_000, 10)}
QUICK: dict[Budget, Length] = {"quick": Length(640, 2), **LONG}
WEIGHT = 100.0
"""Of the mean squared cosine, in nats."""
PENALTY: dict[str, Any] = {
    "rate": "kl,orthogonality",
    "orthogonality": WEIGHT,
    "columns": 2,
    "definition": "cosine",
    "warmup": 0,
    "start": 0,
}
DEPENDENT: dict[str, Any] = {"correlate": "x,y,0.2"}
HOLE: dict[str, Any] = {"unseen": "x=0..7 y=0..7"}


def penalized(name: str, beta: float, where: dict[str, Any], lengths: dict[Budget, Length] = LONG) -> Arm:
    """A VAE with the penalty, on ellipses."""
    return Arm(name, "vae", "ellipses", {**PROTOCOL, "size": 32, **PENALTY, "beta": beta, **where}, lengths)


ORTHOGONAL = penalized("VAE, orthogonal", 1, {}, QUICK)
BETA4_ORTHOGONAL = penalized("β 4, orthogonal", 4, {})
VAE_DEPENDENT = Arm("VAE, x and y dependent", "vae", "ellipses", {**VAE.options, **DEPENDENT}, LONG)
ORTHOGONAL_DEPENDENT = penalized("VAE, orthogonal, x and y dependent", 1, DEPENDENT)
VAE_HOLE = Arm("VAE, a quarter of positions unseen", "vae", "ellipses", {**VAE.options, **HOLE}, LONG)
ORTHOGONAL_HOLE = penalized("VAE, orthogonal, a quarter of positions unseen", 1, HOLE)
ON_SPRITES: dict[str, Any] = {**PROTOCOL, "beta_warmup": 0, "beta_start": 0}
SPRITES = Arm("β 4 on dSprites", "beta_vae", "dsprites_reduced", {**ON_SPRITES, "beta": 4}, LONG)
ORTHOGONAL_SPRITES = Arm("β 4, orthogonal, on dSprites", "vae", "dsprites_reduced", {**PROTOCOL, **PENALTY, "beta": 4}, LONG)
PAIRS = (
    (VAE, ORTHOGONAL),
    (BETA4, BETA4_ORTHOGONAL),
    (VAE_DEPENDENT, ORTHOGONAL_DEPENDENT),
    (VAE_HOLE, ORTHOGONAL_HOLE),
    (SPRITES, ORTHOGONAL_SPRITES),
)
"""Without the penalty, and with it."""
ARMS = tuple(arm for pair in PAIRS for arm in pair)

MIG, DCI = score("mig"), score("dci.disentanglement")
SCORES = (MIG, DCI, score("factor_vae_score"), score("modularity"), score("dci.informativeness"))
MARGIN, NATS = 0.05, 1.0
"""The smallest differences that matter: of scores, and in nats per image."""
GOAL, FOUND = 0.45, 0.2
"""A MIG over all five factors of dSprites that would be remarkable without labels, and one of each that is found."""
SPRITE_FACTORS = ("shape", "scale", "orientation", "x", "y")

WEI = "Wei et al. (2021): question"
THEORY = "arXiv:2606.21385 (2026): question"

HELPS = Better(ORTHOGONAL, VAE, MIG, MARGIN)
"""Without this, finding nothing everywhere would pass for finding dependent factors as well as independent ones."""

CLAIMS = (
    *(
        Claim(
            f"the penalty makes columns of the decoder's Jacobian orthogonal: {words}",
            WEI,
            Every((Better(penalized_one, plain, OVERLAP, MARGIN), NotBetter(plain, penalized_one, ACTIVE, 0.5))),
            "By the overlap of columns of latents that tell something, none of which may be lost; trained on two at a time. "
            f"{QUESTION}",
        )
        for (plain, penalized_one), words in zip(PAIRS[:2], ("of the VAE", "of β-VAE, β 4"), strict=True)
    ),
    Claim(
        "it costs no reconstruction",
        WEI,
        Every(tuple(NotBetter(plain, other, NLL, NATS) for plain, other in PAIRS[:2])),
        f"At most a nat, at β 1 and at β 4. {QUESTION}",
    ),
    *(
        Claim(
            f"with the penalty latents are more disentangled: {words}",
            source,
            Better(other, plain, MIG, MARGIN),
            f"By MIG, against the same model without the penalty. {QUESTION}",
        )
        for (plain, other), words, source in zip(
            PAIRS,
            (
                "factors independent",
                "the same at β 4",
                "x and y dependent, as all combinations occur",
                "a quarter of the positions unseen",
                "reduced dSprites at β 4",
            ),
            (WEI, WEI, THEORY, THEORY, WEI),
            strict=True,
        )
    ),
    Claim(
        "dependent factors are found as well as independent ones",
        THEORY,
        Every((HELPS, NotBetter(ORTHOGONAL, ORTHOGONAL_DEPENDENT, MIG, MARGIN))),
        f"By MIG, on all combinations alike, and where the penalty helps to find independent ones at all. {QUESTION}",
    ),
    Claim(
        "where combinations are missing they are found less well",
        THEORY,
        Every((HELPS, Better(ORTHOGONAL, ORTHOGONAL_HOLE, MIG, MARGIN))),
        "By MIG, and where the penalty helps to find them at all. The theorem asks for all combinations; it does not say that "
        f"it fails without. {QUESTION}",
    ),
    Claim(
        "all five factors of dSprites are found without labels",
        "Asked here",
        Every(
            (
                MeanBeyond(ORTHOGONAL_SPRITES, MIG, above=GOAL),
                *(MeanBeyond(ORTHOGONAL_SPRITES, score(f"mig.{name}"), above=FOUND) for name in SPRITE_FACTORS),
            )
        ),
        f"By a mean MIG above {GOAL}, and above {FOUND} of each: three that are found well reach the mean alone.",
    ),
)

PARTS: tuple[Part, ...] = (
    Note(
        "What is tested",
        (
            "The penalty is the mean squared cosine between columns of the Jacobian of the decoder's means, of two latents "
            f"that are drawn anew for each batch, times {WEIGHT:g} nats (the rate `orthogonality`). Each model with it stands "
            "beside the same model without. The protocol is that of the study leaderboard, and so are the arms VAE and β 4.",
            "Dependent: training draws x and y near to each other, with a probability that falls as a normal density of "
            "standard deviation 0.2 of the range; far corners are rare. Unseen: no image of training has both x and y in their "
            "lower halves. Scores are of all combinations, alike for all arms. The reconstruction of arms with unseen "
            "positions is of these, which makes it no comparison with others.",
        ),
    ),
    ScoreTable("Scores", ARMS, SCORES),
    ScoreTable("What it costs", ARMS, (OVERLAP, CONTRAST, NLL, KL, DEPENDENCE, ACTIVE)),
    *(
        DifferenceTable(f"What the penalty does: {plain.name}", plain, (other,), (MIG, DCI, OVERLAP, NLL, KL))
        for plain, other in PAIRS
    ),
    Strips("Every run", ARMS, (MIG, DCI, OVERLAP)),
    Against("Overlap and MIG", ARMS, OVERLAP, MIG),
)


@studies.register(
    "orthogonal-decoder",
    source="Wei et al. (2021), Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image Generation, and "
    "arXiv:2606.21385 (2026), on functional orthogonality; questions put to their ideas, no sentences of theirs",
)
def orthogonal_decoder() -> Study:
    """Does a decoder with orthogonal columns find the factors, also where they depend on each other.

    >>> [arm.data for arm in orthogonal_decoder().arms].count("ellipses")
    8
    """
    return Study(
        question="Does a decoder whose latents change images in orthogonal ways find the factors, also where these depend on "
        "each other, and does it fail where combinations of them never occur?",
        arms=ARMS,
        claims=CLAIMS,
        parts=PARTS,
        yardsticks=(Yardstick(LOSS_CHANGE, at_most=0.05), Yardstick(GAIN, at_least=STUCK)),
        evidence=(CURVE, MEAN_IMAGE),
        scored={"quick": 500, "cpu": 10_000, "paper": 10_000},
        answers=(
            (
                "Why squared cosines and not the published penalty?",
                "That one, `--definition wei2021`, also shrinks all columns, so that its weight means another thing for every "
                "decoder. A cosine does not depend on the scale of latents.",
            ),
            (
                "Is orthogonality enough by the theory?",
                "Not for latents that change images equally much: any rotation of those keeps columns orthogonal where the "
                "decoder is linear. What the theory needs beside it is in the papers.",
            ),
        ),
    )
