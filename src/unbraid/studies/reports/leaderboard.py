"""All models on one protocol: what decides scores, how many seeds tell, choosing without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unbraid.studies.agreement import Correlations
from unbraid.studies.declaration import Arm, Budget, Claim, Length, Study, Yardstick
from unbraid.studies.evidence import CURVE, MEAN_IMAGE
from unbraid.studies.measures import (
    ACTIVE,
    BOUND,
    CONTRAST,
    DEPENDENCE,
    GAIN,
    KL,
    LOSS_CHANGE,
    MUTUAL_INFORMATION,
    NLL,
    OVERLAP,
    STUCK,
    score,
)
from unbraid.studies.parts import Against, Note, ScoreTable, Strips
from unbraid.studies.places import Places
from unbraid.studies.registry import studies
from unbraid.studies.rules import Better, BetterAtSame, Correlated, Every, NotBetter, NotCorrelated
from unbraid.studies.seeds_needed import SeedsNeeded
from unbraid.studies.selection import CODES, UDR, UDR_ALL, UDR_LASSO, Regrets, with_udr
from unbraid.studies.variance import ShareBelow, VarianceSplit

# lengths: images per run and seeds. As published, 300,000 steps of 64 images and 50 seeds
LONG: dict[Budget, Length] = {"cpu": Length(100_000, 5), "paper": Length(19_200_000, 50)}
QUICK: dict[Budget, Length] = {"quick": Length(640, 2), **LONG}
DSPRITES: dict[Budget, Length] = {"cpu": Length(100_000, 3), "paper": Length(19_200_000, 50)}

PROTOCOL = {
    "encoder": "burgess",
    "decoder": "burgess",
    "likelihood": "bernoulli",
    "latent_dim": 10,
    "optimizer": "adam",
    "lr": 1e-3,
    "batch_size": 32,
}
"""What all arms have in common."""
CONSTANT: dict[str, Any] = {"beta_warmup": 0, "beta_start": 0}
DISCRIMINATOR: dict[str, Any] = {
    "discriminator_layers": 6,
    "discriminator_width": 1000,
    "discriminator_init": "kaiming",
    "discriminator_steps": 1,
}


def arm(name: str, model: str, about: str = "", *, lengths: Mapping[Budget, Length] = LONG, **options: Any) -> Arm:
    """A model on ellipses."""
    return Arm(name, model, "ellipses", {**PROTOCOL, "size": 32, **options}, lengths, about)


def beta_vae(beta: float, lengths: Mapping[Budget, Length] = LONG) -> Arm:
    """A beta that stays the same."""
    return arm(f"β-VAE, β {beta:g}", "beta_vae", "", lengths=lengths, beta=beta, **CONSTANT)


def beta_tcvae(beta: float, lengths: Mapping[Budget, Length] = LONG) -> Arm:
    """The same for the total correlation."""
    weights: dict[str, Any] = {"beta": beta, "alpha": 1, "gamma": 1, "estimator": "plain", "kl": "analytic", "beta_warmup": 0}
    return arm(f"β-TCVAE, β {beta:g}", "beta_tcvae", "", lengths=lengths, **weights)


def factor_vae(gamma: float) -> Arm:
    """The total correlation by a discriminator."""
    return arm(f"FactorVAE, γ {gamma:g}", "factor_vae", "", gamma=gamma, discriminator_lr=1e-4, **DISCRIMINATOR)


def annealed_vae(capacity: float) -> Arm:
    """A capacity that grows during three quarters of the run."""
    ramp: dict[str, Any] = {"capacity_start": 0, "capacity_ramp": 0.75, "capacity_reduction": "batch"}
    return arm(f"AnnealedVAE, C {capacity:g}", "beta_vae_capacity", "", gamma=100, capacity=capacity, **ramp)


def dip_vae(kind: str, weight: float) -> Arm:
    """Variances weigh ten times as much as covariances in the first kind, else as much, as published."""
    model, own = ("dip_vae_i", 10 * weight) if kind == "I" else ("dip_vae_ii", weight)
    return arm(f"DIP-VAE-{kind}, λ {weight:g}", model, "", lambda_od=weight, lambda_d=own)


# six objectives, three settings each, the default among them
VAE = arm("VAE", "vae", "β-VAE with β 1 as well", lengths=QUICK)
BETA4, BETA16 = beta_vae(4, QUICK), beta_vae(16)
TC2, TC6, TC10 = beta_tcvae(2, QUICK), beta_tcvae(6, QUICK), beta_tcvae(10)
FACTOR6, FACTOR20, FACTOR40 = (factor_vae(gamma) for gamma in (6.4, 20, 40))
ANNEALED5, ANNEALED10, ANNEALED25 = (annealed_vae(capacity) for capacity in (5, 10, 25))
DIP_I = tuple(dip_vae("I", weight) for weight in (2, 10, 50))
DIP_II = tuple(dip_vae("II", weight) for weight in (2, 10, 50))
FAMILIES = {
    "β-VAE": (VAE, BETA4, BETA16),
    "β-TCVAE": (TC2, TC6, TC10),
    "FactorVAE": (FACTOR6, FACTOR20, FACTOR40),
    "AnnealedVAE": (ANNEALED5, ANNEALED10, ANNEALED25),
    "DIP-VAE-I": DIP_I,
    "DIP-VAE-II": DIP_II,
}
SPLIT = tuple(one for own in FAMILIES.values() for one in own)

# models with one setting, the default
CHYVAE = arm("CHyVAE", "chyvae", nu=33, kl="bound")
INFO = arm("InfoVAE", "info_vae", alpha=0, lambda_mmd=1000, kernel="rbf", width=2)
CONSTRAINED = arm("β-VAE, KL ≤ 6", "constrained_beta_vae", epsilon=6, multiplier_rate=0.005, beta_start=1)
GECO = arm("GECO, tolerance 40", "geco", tolerance=40, multiplier_rate=0.005, lambda_start=1)
CFACTOR = arm(
    "CFactorVAE", "cfactor_vae", gamma=3.5, beta=1, capacity=24.5, capacity_ramp=1, capacity_reduction="sample",
    discriminator_lr=1e-3, **DISCRIMINATOR,
)  # fmt: skip
ONE_SETTING = (CHYVAE, INFO, CONSTRAINED, GECO, CFACTOR)

# models that by their definition need something else
QLAE = arm(
    "QLAE", "qlae", "codes from a codebook, without noise or prior; needs AdamW, whose weight decay is part of it",
    codebook_size=10, codebook_weight=0.01, commitment_weight=0.01, optimizer="adamw", weight_decay=0.1,
)  # fmt: skip
INTRO: dict[str, Any] = {
    "beta_kl": 1,
    "beta_rec": 1,
    "beta_neg": 256,
    "gamma_r": 1e-8,
    "target": "detached",
    "warmup": 0,
    "lr": 2e-4,
}
SOFT_INTRO = arm("Soft-IntroVAE", "soft_intro_vae", "encoder against decoder, at their published learning rate", **INTRO)
SOFT_INTRO_TC = arm(
    "Soft-Intro-TCVAE", "soft_intro_tcvae", "encoder against decoder, at their published learning rate", beta_tc=6, **INTRO
)
ADA_GVAE = arm("Ada-GVAE", "ada_gvae", "sees pairs of images that share factors", lengths=QUICK, beta=1)
ADA_ML_VAE = arm("Ada-ML-VAE", "ada_ml_vae", "sees pairs of images that share factors", beta=1)
LEFT_OUT = {
    "sbd_vae": "the VAE with another decoder: see the study ellipse-decoders",
    "sbd_beta_vae": "the β-VAE with another decoder: see the study ellipse-decoders",
}
"""Registered models without an arm, and why."""
UNSUPERVISED = (*SPLIT, *ONE_SETTING)
OTHERS = (QLAE, SOFT_INTRO, SOFT_INTRO_TC)
WEAK = (ADA_GVAE, ADA_ML_VAE)


def on_dsprites(one: Arm) -> Arm:
    """The same model on all images of dSprites, at 64 pixels."""
    options = {name: value for name, value in one.options.items() if name != "size"}
    return Arm(f"{one.name} on dSprites", one.model, "dsprites", options, DSPRITES)


ON_DSPRITES = tuple(on_dsprites(one) for one in (VAE, BETA4, TC6, FACTOR20, DIP_II[1]))
ARMS = (*UNSUPERVISED, *OTHERS, *WEAK, *ON_DSPRITES)

BETA_SCORE, FACTOR_SCORE, MIG, MODULARITY = map(score, ("beta_vae_score", "factor_vae_score", "mig", "modularity"))
DCI, SAP = score("dci.disentanglement"), score("sap")
SIX = (BETA_SCORE, FACTOR_SCORE, MIG, MODULARITY, DCI, SAP)
"""Those of Locatello et al."""
REST = tuple(
    map(score, ("dci.completeness", "dci.informativeness", "explicitness", "aam", "mmig", "dcimig", "mig_sup", "jemmig", "irs"))
)
WITHOUT_LABELS = (UDR, UDR_LASSO, UDR_ALL, OVERLAP, CONTRAST, BOUND, NLL, DEPENDENCE)
COST = (NLL, KL, BOUND, MUTUAL_INFORMATION, DEPENDENCE, ACTIVE)
MARGIN, NATS = 0.05, 1.0
"""The smallest differences that matter: of scores, and in nats per image."""
WEAK_CORRELATION = 0.3

LOCATELLO = "Locatello et al. (2019)"
QUESTION = "Asked here; the paper's words are not quoted."

CLAIMS = (
    Claim(
        "methods “successfully enforce properties ‘encouraged’ by the corresponding losses”: β-TCVAE and FactorVAE lower "
        "the total correlation",
        f"{LOCATELLO}, Abstract",
        Every((Better(TC6, VAE, DEPENDENCE, 0.1), Better(FACTOR20, VAE, DEPENDENCE, 0.1))),
        "Against the VAE, measured under the posteriors of all scored images.",
    ),
    *(
        Claim(
            f"“well-disentangled models seemingly cannot be identified without supervision”: by {words}",
            f"{LOCATELLO}, Abstract",
            NotCorrelated(UNSUPERVISED, measure, MIG, -1, WEAK_CORRELATION),
            f"Confirmed where a correlation with MIG as strong as {WEAK_CORRELATION} is ruled out on the side that would help.",
        )
        for measure, words in (
            (BOUND, "the bound on the likelihood"),
            (NLL, "the reconstruction"),
            (DEPENDENCE, "the total correlation"),
        )
    ),
    *(
        Claim(
            f"hyper-parameters and seeds matter more than the objective: {measure.name}",
            f"{LOCATELLO}: question",
            ShareBelow(FAMILIES, measure, 0.5),
            f"By the objective's share of the variance. {QUESTION}",
        )
        for measure in SIX
    ),
    *(
        Claim(
            f"metrics agree: {one.name} and {other.name}",
            f"{LOCATELLO}: question",
            Correlated(UNSUPERVISED, one, other, 1, WEAK_CORRELATION),
            f"Over all runs without labels. {QUESTION}",
        )
        for one, other in ((BETA_SCORE, FACTOR_SCORE), (MIG, DCI), (MIG, SAP), (DCI, SAP), (FACTOR_SCORE, MIG))
    ),
    Claim(
        "modularity does not go with MIG",
        f"{LOCATELLO}: question",
        NotCorrelated(UNSUPERVISED, MODULARITY, MIG, 1, WEAK_CORRELATION),
        f"Over all runs without labels. {QUESTION}",
    ),
    *(
        Claim(
            f"UDR ranks models as supervised metrics do: {measure.name}",
            "Duan et al. (2020), Abstract",
            Correlated(UNSUPERVISED, UDR, measure, 1, WEAK_CORRELATION),
            "The paper: it “performs comparably to the existing supervised alternatives”. By ranks, among seeds of a setting.",
        )
        for measure in (MIG, DCI, FACTOR_SCORE)
    ),
    *(
        Claim(
            f"FactorVAE has “a better trade-off between disentanglement and reconstruction quality” than β-VAE: γ {gamma}",
            "Kim and Mnih (2018), Abstract",
            BetterAtSame(first, FAMILIES["β-VAE"], FACTOR_SCORE, NLL, MARGIN),
            "By its own score, at the same reconstruction.",
        )
        for first, gamma in ((FACTOR6, "6.4"), (FACTOR20, "20"), (FACTOR40, "40"))
    ),
    Claim(
        "there is “a strong relation between total correlation and disentanglement”",
        "Chen et al. (2018), Abstract",
        Correlated(FAMILIES["β-TCVAE"], DEPENDENCE, MIG, -1, WEAK_CORRELATION),
        "Over three settings of β-TCVAE: the less total correlation, the larger MIG.",
    ),
    Claim(
        "β-TCVAE is “a refinement and plug-in replacement” of β-VAE: better at the same reconstruction",
        "Chen et al. (2018), Abstract",
        BetterAtSame(TC6, FAMILIES["β-VAE"], MIG, NLL, MARGIN),
        "By their own score. 'Better' is our reading of 'refinement'.",
    ),
    *(
        Claim(
            f"DIP-VAE-{kind} improves “both disentanglement and data likelihood (reconstruction quality)”",
            "Kumar et al. (2018), Abstract",
            Every((Better(arms[1], BETA4, SAP, MARGIN), Better(arms[1], BETA4, NLL, NATS))),
            "By their own score, against β-VAE with β 4.",
        )
        for kind, arms in (("I", DIP_I), ("II", DIP_II))
    ),
    Claim(
        "a growing capacity disentangles “without the previous trade-off in reconstruction accuracy”",
        "Burgess et al. (2018), Abstract",
        Every((Better(ANNEALED25, BETA4, NLL, NATS), NotBetter(BETA4, ANNEALED25, MIG, MARGIN))),
        "C 25 against β-VAE with β 4: a better reconstruction, and a MIG that is not lower.",
    ),
    Claim(
        "β above 1 disentangles more than the VAE",
        "Higgins et al. (2017): question",
        Better(BETA4, VAE, BETA_SCORE, MARGIN),
        f"By their own score, at β 4. {QUESTION}",
    ),
    *(
        Claim(
            f"pairs of images help: Ada-GVAE is above {other.name}",
            "Locatello et al. (2020): question",
            Better(ADA_GVAE, other, MIG, MARGIN),
            QUESTION,
        )
        for other in (VAE, BETA4, TC6, FACTOR20)
    ),
    *(
        Claim(
            f"{one.name} is above the VAE",
            f"{LOCATELLO}: question",
            Better(one, ON_DSPRITES[0], MIG, MARGIN),
            f"By MIG. {QUESTION}",
        )
        for one in ON_DSPRITES[1:]
    ),
)

PARTS = (
    Note(
        "The protocol",
        (
            "All arms on ellipses: 32 pixels, 100,000 training images (3,125 steps of 32), five seeds; convolutional encoder "
            "and decoder of Burgess et al., 10 latents, Bernoulli likelihood, Adam with learning rate 0.001, constant "
            "weights unless growing weights are the model. Everything else is the model's default. Scores are of posterior "
            "means of 10,000 images.",
            "Models are grouped by what they need. Those without labels come first, in six objectives with three settings "
            "each and five with one; FactorVAE and CFactorVAE train a discriminator beside the networks. QLAE needs weight "
            "decay, Soft-Intro models the learning rate they were published with: they stand apart. Ada models see pairs of "
            "images that share factors, which is a weak form of labels.",
            f"Left out: {'; '.join(f'{name}, {why}' for name, why in LEFT_OUT.items())}.",
        ),
    ),
    Places("Leaderboard: places without labels", UNSUPERVISED, SIX),
    ScoreTable(
        "Scores without labels",
        UNSUPERVISED,
        SIX,
        note="DCI disentanglement and modularity ask whether each latent that is used follows one factor. A model that has "
        "one or two such latents, and nothing else, reaches 1: see completeness, informativeness and active latents below.",
    ),
    ScoreTable("Scores of models that need something else", OTHERS, SIX),
    ScoreTable("Scores with pairs of images", WEAK, SIX),
    ScoreTable("Scores on dSprites", ON_DSPRITES, SIX, note="All 737,280 images at 64 pixels, three seeds, else the same."),
    ScoreTable("More metrics", (*UNSUPERVISED, *OTHERS, *WEAK), REST),
    ScoreTable("What it costs", (*UNSUPERVISED, *OTHERS, *WEAK, *ON_DSPRITES), COST),
    Strips("Every run", UNSUPERVISED, (MIG, DCI, FACTOR_SCORE)),
    VarianceSplit("What makes scores differ", FAMILIES, (*SIX, NLL)),
    SeedsNeeded("Seeds needed: power", UNSUPERVISED, (*SIX, *REST), 0.05),
    Correlations("Do metrics agree?", UNSUPERVISED, SIX),
    Correlations("Does anything without labels tell?", UNSUPERVISED, SIX, WITHOUT_LABELS),
    Against("UDR and MIG", UNSUPERVISED, UDR, MIG),
    Regrets("Choosing without labels, and its regret", UNSUPERVISED, SIX, (*WITHOUT_LABELS, MIG, DCI)),
)

CHANGING = (*FAMILIES["AnnealedVAE"], CONSTRAINED, GECO, CFACTOR, *OTHERS)
"""Arms whose loss changes its weights during the run, or is a game: that it still falls says nothing."""


@studies.register(
    "leaderboard",
    source="Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised Learning of Disentangled "
    "Representations, and the papers of the models, each named beside its claim",
)
def leaderboard() -> Study:
    """Which model disentangles best on one protocol, what decides it, and how many seeds tell.

    >>> "ada_gvae" in {arm.model for arm in leaderboard().arms}
    True
    """
    return Study(
        question="Which model disentangles best on one protocol? What decides it: objective, setting or seed? How many seeds "
        "tell, and can a good run be chosen without labels?",
        arms=ARMS,
        claims=CLAIMS,
        parts=PARTS,
        yardsticks=(
            Yardstick(LOSS_CHANGE, at_most=0.05, arms=[one for one in ARMS if one not in CHANGING]),
            Yardstick(GAIN, at_least=STUCK),
        ),
        evidence=(CURVE, CODES, MEAN_IMAGE),
        together=(with_udr,),
        scored={"quick": 500, "cpu": 10_000, "paper": 10_000},
        published=(
            ("study", "12,600 models: six objectives, six settings each, 50 seeds, seven data sets"),
            ("networks", "convolutions of 32, 32, 64 and 64, 4 × 4 and 2 × 2, dense 256; 10 latents; 64 px"),
            ("training", "300,000 steps of 64 images, Adam with learning rate 1e-4; ours 3,125 of 32 at 1e-3"),
            ("settings", "β 1 to 16; C 5 to 100, γ 1000; FactorVAE γ 10 to 100; λ 1 to 50; β-TCVAE β 1 to 10"),
            ("scores", "10,000 images; six metrics, of the definitions of its code: those of unbraid differ"),
        ),
        answers=(
            (
                "Does a model that is last here disentangle badly?",
                "It does at this length, size and setting. Defaults were chosen by their authors for longer runs of larger "
                "images.",
            ),
            (
                "Why is no interval beside a regret?",
                "It is one choice among these runs. How far it can be trusted is what the correlations beside it say.",
            ),
            (
                "Where do the codes for UDR come from?",
                "The ledger keeps the codes of 1,000 images of each run, the same for all, in steps of a tenth of a standard "
                "deviation; pairs are computed when the page is made.",
            ),
        ),
    )
