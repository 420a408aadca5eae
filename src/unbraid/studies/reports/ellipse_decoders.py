"""Golla, Caspari and Oezkan (2021): beta, a spatial broadcast decoder, a hyperprior; ellipses."""

from __future__ import annotations

import math

import numpy as np

from unbraid.studies.declaration import Arm, Budget, Claim, Length, Study, Yardstick
from unbraid.studies.evidence import CURVE, MEAN_IMAGE, RECONSTRUCTIONS, SHARES, SPECTRUM, TRAVERSALS, WEIGHTS
from unbraid.studies.measures import (
    ACTIVE,
    GAIN,
    KL,
    LOSS_CHANGE,
    NLL,
    STUCK,
    Measure,
    Run,
    best_share,
    factors_per_latent,
    from_shares,
    kept,
    latents_per_factor,
    score,
    shares_of,
)
from unbraid.studies.parts import (
    AssignmentTable,
    Curves,
    DifferenceTable,
    Note,
    ScoreTable,
    Shown,
    Strips,
    WeightHistograms,
)
from unbraid.studies.registry import studies
from unbraid.studies.rules import Better, CannotTest, Every, MeanBeyond, NotBetter

# lengths: images per run and seeds. As published, the beta-VAE sees the 61,440 images 50 times, models with an SBD 20 times
SMALL: dict[Budget, Length] = {"quick": Length(640, 1), "cpu": Length(150_000, 3), "paper": Length(3_072_000, 5)}
SBD_SMALL: dict[Budget, Length] = {"quick": Length(640, 1), "cpu": Length(150_000, 3), "paper": Length(1_228_800, 5)}
LARGE: dict[Budget, Length] = {"cpu": Length(300_000, 3), "paper": Length(3_072_000, 5)}
CORRELATED: dict[Budget, Length] = {"cpu": Length(200_000, 3), "paper": Length(3_072_000, 5)}
FASHION: dict[Budget, Length] = {"cpu": Length(100_000, 3), "paper": Length(3_500_000, 5)}

# settings: batches of 32 and 10 latents as published; the learning rate is not stated and ours
COMMON = {"latent_dim": 10, "batch_size": 32}
NETWORKS = {"encoder": "golla", "decoder": "golla"}
FOUR = {"encoder": "watters", "encoder_hidden": 0}
SBD = {"decoder": "spatial_broadcast", "decoder_kernel": 3, "decoder_channels": 64, "decoder_layers": 2}
PX32 = {"size": 32, "lr": 0.001, **COMMON}
PX64 = {"size": 64, "lr": 0.0005, **COMMON}


def beta(value: int) -> dict[str, object]:
    """A beta that stays the same all through the training."""
    return {"beta": value, "beta_warmup": 0, "beta_start": 0}


# arms at 32 px
VAE = Arm("VAE", "vae", "ellipses", {**PX32, **NETWORKS}, SMALL, "control of all others at 32 px")
BETA4 = Arm("β 4", "beta_vae", "ellipses", {**PX32, **NETWORKS, **beta(4)}, SMALL, "the report's model")
BETA6 = Arm("β 6", "beta_vae", "ellipses", {**PX32, **NETWORKS, **beta(6)}, SMALL, "a stronger β")
CHYVAE = Arm("CHyVAE", "chyvae", "ellipses", {**PX32, **NETWORKS, "nu": 33}, SMALL, "the hyperprior, in the same networks")
SBD_VAE = Arm("SBD", "vae", "ellipses", {**PX32, **FOUR, **SBD}, SBD_SMALL, "the report's decoder, kernels of 3 × 3")
SBD_BETA = Arm("SBD + β 4", "beta_vae", "ellipses", {**PX32, **FOUR, **SBD, **beta(4)}, SBD_SMALL, "both together")
FOUR_VAE = Arm(
    "VAE with SBD's encoder", "vae", "ellipses", {**PX32, **FOUR, "decoder": "golla"}, SBD_SMALL,
    "differs from SBD in the decoder alone; the report changed the encoder too",
)  # fmt: skip
FOUR_BETA = Arm(
    "β 4 with SBD's encoder", "beta_vae", "ellipses", {**PX32, **FOUR, "decoder": "golla", **beta(4)}, SBD_SMALL,
    "differs from SBD + β 4 in the decoder alone",
)  # fmt: skip
ONE_FACTOR = Arm(
    "β 4 one factor at a time", "beta_vae", "ellipses", {**PX32, **NETWORKS, **beta(4), "order": "one_factor"}, SMALL,
    "images in an order in which one factor changes from image to image",
)  # fmt: skip
ALL_FACTORS = Arm(
    "β 4 all factors at once", "beta_vae", "ellipses", {**PX32, **NETWORKS, **beta(4), "order": "all_factors"}, SMALL,
    "images in an order in which all factors change from image to image, which the report thinks of its data",
)  # fmt: skip
L2 = Arm(
    "β 4 + L2", "beta_vae", "ellipses", {**PX32, **NETWORKS, **beta(4), "weight_decay": 0.0001}, SMALL,
    "the report's 'slight L2 regularization'; its weight is not stated",
)  # fmt: skip
NORM = Arm(
    "β 4 + batch norm", "beta_vae", "ellipses",
    {**PX32, **NETWORKS, **beta(4), "encoder_norm": "batch", "decoder_norm": "batch"}, SMALL, "in both networks",
)  # fmt: skip
DROPOUT = Arm(
    "β 4 + dropout 0.2", "beta_vae", "ellipses",
    {**PX32, **NETWORKS, **beta(4), "encoder_dropout": 0.2, "decoder_dropout": 0.2}, SMALL, "in both networks",
)  # fmt: skip
WIDE = Arm(
    "β 4 with twice the kernels", "beta_vae", "ellipses",
    {**PX32, **NETWORKS, **beta(4), "encoder_width": 2, "decoder_width": 2}, SMALL, "in both networks",
)  # fmt: skip

# arms at 64 px
VAE64 = Arm("VAE at 64 px", "vae", "ellipses", {**PX64, **NETWORKS}, LARGE)
BETA4_64 = Arm("β 4 at 64 px", "beta_vae", "ellipses", {**PX64, **NETWORKS, **beta(4)}, LARGE)
BETA6_64 = Arm("β 6 at 64 px", "beta_vae", "ellipses", {**PX64, **NETWORKS, **beta(6)}, LARGE)
CHYVAE64 = Arm("CHyVAE at 64 px", "chyvae", "ellipses", {**PX64, **NETWORKS, "nu": 33}, LARGE)

# other data
BETA_CORRELATED = Arm(
    "β 4 on correlated factors", "beta_vae", "correlated_ellipses", {"lr": 0.0005, **COMMON, **NETWORKS, **beta(4)}, CORRELATED,
    "control on CHyVAE's own benchmark",
)  # fmt: skip
CHYVAE_CORRELATED = Arm(
    "CHyVAE on correlated factors", "chyvae", "correlated_ellipses", {"lr": 0.0005, **COMMON, **NETWORKS, "nu": 200},
    CORRELATED, "with the ν of its authors' example",
)  # fmt: skip
VAE_FASHION = Arm("VAE on Fashion-MNIST", "vae", "fashion_mnist", {"lr": 0.001, **COMMON, **NETWORKS}, FASHION)
BETA_FASHION = Arm("β 4 on Fashion-MNIST", "beta_vae", "fashion_mnist", {"lr": 0.001, **COMMON, **NETWORKS, **beta(4)}, FASHION)

# measures
MIG = score("mig")
STRONG, WEAK = 0.15, 0.05
"""Shares of a factor's entropy that a latent must know to stand for it, and to stand for it in brackets."""
MARGIN = 0.05
"""The smallest difference of MIG that matters here."""
NATS = 1.0
"""And of reconstruction, in nats per image."""


def _position_apart(run: Run) -> float:
    """How far latents tell of position or of the rest, but not of both.

    Sum over latents of |P - R| over that of P + R, where P is what a latent knows of x and y, R of all else.
    """
    found = shares_of(run)
    if found is None:
        return math.nan
    names, shares = found
    position = np.isin(names, ("x", "y"))
    of_position, of_rest = shares[:, position].sum(1), shares[:, ~position].sum(1)
    total = float((of_position + of_rest).sum())
    return float(np.abs(of_position - of_rest).sum()) / total if total > 0 else math.nan


def _latents_of_scale(run: Run) -> float:
    found = shares_of(run)
    return float((found[1][:, found[0].index("scale")] >= WEAK).sum()) if found else math.nan


POSITION_APART = Measure("position_apart", "position apart from the rest", _position_apart, True, (0.0, 1.0))
LATENTS_OF_SCALE = Measure(
    "latents_of_scale", f"latents that know ≥ {WEAK:.0%} of the scale", _latents_of_scale, None, (0.0, 10.0)
)
CHECKERBOARD = kept(
    "checkerboard",
    "checkerboard power (1 = the images')",
    "spectrum.checkerboard",
    higher_is_better=None,
    limits=(0.0, math.inf),
)
FINE = kept("fine", "fine detail (1 = the images')", "spectrum.fine", higher_is_better=None, limits=(0.0, math.inf))


def _checkered(run: Run) -> float:
    fine = FINE.of(run)
    return CHECKERBOARD.of(run) / fine if fine > 0 else math.nan


NEAR_ZERO = kept(
    "near_zero", "weights of the encoder within ±0.01", "weights.encoder.near_zero", higher_is_better=None, limits=(0.0, 1.0)
)
CHECKERED = Measure("checkered", "checkerboard power / fine detail (1 = the images')", _checkered, None, (0.0, math.inf))
FACTORS, STRONG_FACTORS = factors_per_latent(WEAK), factors_per_latent(STRONG)
MOST_FACTORS = from_shares(
    "most_factors", f"factors of one latent, at most (≥ {STRONG:g})", lambda shares: (shares >= STRONG).sum(1).max(),
    higher_is_better=None, limits=(0.0, math.inf),
)  # fmt: skip
OF_ONE_FACTOR = from_shares(
    "of_one_factor", f"latents of one factor (≥ {WEAK:g})", lambda shares: ((shares >= WEAK).sum(1) == 1).sum(),
    limits=(0.0, math.inf),
)  # fmt: skip
SCORES = (MIG, score("dci.disentanglement"), score("factor_vae_score"), FACTORS, latents_per_factor(WEAK), ACTIVE, NLL, KL)

SMALL_ARMS = (VAE, BETA4, BETA6, CHYVAE)
DECODERS = (FOUR_VAE, FOUR_BETA, SBD_VAE, SBD_BETA)
ABLATIONS = (L2, NORM, DROPOUT, WIDE)
ORDERS = (ONE_FACTOR, ALL_FACTORS)
LARGE_ARMS = (VAE64, BETA4_64, BETA6_64, CHYVAE64)
OTHER_DATA = (BETA_CORRELATED, CHYVAE_CORRELATED, VAE_FASHION, BETA_FASHION)
SHUFFLED = (*SMALL_ARMS, *DECODERS, *ABLATIONS, *LARGE_ARMS, *OTHER_DATA)
"""Arms that see images in random order. In another, a model that has forgotten all but the last images is the finding."""

CLAIMS = (
    Claim(
        "β 4 “learnt a more disentangled representation of the data than the standard Variational Autoencoder” (32 px)",
        "IV.A, V", Better(BETA4, VAE, MIG, MARGIN),
    ),
    Claim("the same, 64 px", "IV.A, V", Better(BETA4_64, VAE64, MIG, MARGIN)),
    Claim(
        "β 6 “did not produce a more disentangled representation” (32 px)", "IV.A", NotBetter(BETA6, BETA4, MIG, MARGIN),
        "Than β 4.",
    ),
    Claim("the same, 64 px", "IV.A", NotBetter(BETA6_64, BETA4_64, MIG, MARGIN)),
    Claim(
        "[2, 3]: “a stronger disentangled representation comes with a less qualitative reconstruction” (32 px)", "II.B",
        Better(VAE, BETA4, NLL, NATS), "By β 1 against β 4.",
    ),
    Claim("the same, 64 px", "II.B", Better(VAE64, BETA4_64, NLL, NATS)),
    Claim(
        "of β 4, a latent “represents three generative factors”", "IV.A", MeanBeyond(BETA4, MOST_FACTORS, above=2.0),
        f"By the most factors of which one latent knows {STRONG:.0%} of their entropy.",
    ),
    Claim(
        "a change of a latent “usually affects more than one change in the reconstruction image” (β 4)", "V, Abstract",
        Every([MeanBeyond(BETA4, one, above=1.5) for one in (FACTORS, STRONG_FACTORS)]),
        f"By how many factors a latent knows {WEAK:.0%} of, and {STRONG:.0%}, over latents that know that of any.",
    ),
    Claim(
        "“the scale is dependent on a majority of the latent parameters” (β 4)", "IV.A",
        MeanBeyond(BETA4, LATENTS_OF_SCALE, above=5.0), f"By how many of ten latents know at least {WEAK:.0%} of its entropy.",
    ),
    Claim(
        "“architectures with a larger number of kernels, but none of them performed better”", "IV.A",
        Every((NotBetter(WIDE, BETA4, MIG, MARGIN), NotBetter(WIDE, BETA4, NLL, NATS))),
        "By MIG and by reconstruction, with twice the kernels.",
    ),
    Claim(
        "“a Dropout Layer […] led to slightly worse results”", "IV.A",
        Every((Better(BETA4, DROPOUT, NLL, NATS), NotBetter(DROPOUT, BETA4, MIG, MARGIN))),
        "By reconstruction, and not better by MIG; without batch normalization.",
    ),
    Claim(
        "“Batch Normalization led to slightly worse results”", "IV.A",
        Every((Better(BETA4, NORM, NLL, NATS), NotBetter(NORM, BETA4, MIG, MARGIN))),
        "By reconstruction, and not better by MIG; without dropout.",
    ),
    Claim(
        "“many parameters of the network do not have values clustered around zero”, before the L2 regularization", "IV.A",
        CannotTest("'clustered' names no scale; the weights are drawn on the study's page, with and without L2"),
    ),
    Claim(
        "“the network performed well in reconstructing the image”", "IV.A",
        CannotTest("'well' names no scale; the images are on the study's page"),
    ),
    Claim(
        "[12]: “the SBD outperforms the VAE with the standard Decoder architecture”", "II.C",
        Better(SBD_VAE, FOUR_VAE, MIG, MARGIN), "The same encoder on both sides.",
    ),
    Claim(
        "[12]: β with an SBD “performs better in terms of disentanglement” than without", "II.C",
        Better(SBD_BETA, FOUR_BETA, MIG, MARGIN), "The same encoder on both sides.",
    ),
    Claim(
        "“the combination of an SBD and a Beta-VAE outperforms a normal SBD”", "V, IV.B",
        Better(SBD_BETA, SBD_VAE, MIG, MARGIN),
    ),
    Claim(
        "there are “clearly more latent dimensions, which are only dependent on one generative factor” than of the SBD alone",
        "IV.B", Better(SBD_BETA, SBD_VAE, OF_ONE_FACTOR, 1.0),
        f"By how many latents know {WEAK:.0%} of one factor and of no other.",
    ),
    Claim(
        "[12]: an SBD “allows to discriminate positional from non-positional features”", "II.C",
        Better(SBD_VAE, FOUR_VAE, POSITION_APART, MARGIN),
        "By |I(z; position) − I(z; rest)|, summed over latents, as a share; against the usual decoder.",
    ),
    Claim(
        "[12]: upsampling convolutions “are susceptible to checkerboard artifacts”", "IV.B",
        CannotTest(
            "reconstructions have less fine detail than the images, and waves of two pixels fall with it, so that artifacts "
            "cannot be told from blur; see 'Decoders at 32 px'"
        ),
    ),
    Claim(
        "… “leading to a constrained reconstruction accuracy”", "IV.B", Better(SBD_VAE, FOUR_VAE, NLL, NATS),
        "By the SBD's reconstruction against the usual decoder's.",
    ),
    Claim(
        "the “x-position of the object was hardly learned” (SBD + β 4)", "IV.B",
        MeanBeyond(SBD_BETA, best_share("x"), below=WEAK), "By the largest share of its entropy that one latent knows.",
    ),
    Claim(
        "“factors of the data presented to the network need to change continuously”", "II.B",
        Better(ONE_FACTOR, BETA4, MIG, MARGIN), "One factor from image to image, against images in random order.",
    ),
    Claim(
        "transformations “seem dependent on each other, since all factors change at the same time”", "V",
        Better(ONE_FACTOR, ALL_FACTORS, MIG, MARGIN), "One factor at a time against all at once.",
    ),
    Claim(
        "[4]: a hyperprior “further improves disentanglement and reconstruction” over β (32 px)", "V, II.D",
        Every((Better(CHYVAE, BETA4, MIG, MARGIN), Better(CHYVAE, BETA4, NLL, NATS))),
    ),
    Claim(
        "the same, 64 px", "V, II.D",
        Every((Better(CHYVAE64, BETA4_64, MIG, MARGIN), Better(CHYVAE64, BETA4_64, NLL, NATS))),
    ),
    Claim(
        "“we were not able to achieve such a result” (32 px)", "V", NotBetter(CHYVAE, BETA4, MIG, MARGIN),
        "By disentanglement, the first of the two; of reconstruction see above.",
    ),
    Claim(
        "a hyperprior gives the “ability to capture correlated properties”", "II.D",
        Better(CHYVAE_CORRELATED, BETA_CORRELATED, MIG, MARGIN),
        "By MIG where x and y, and scale and rotation, are drawn together.",
    ),
)  # fmt: skip

PARTS = (
    ScoreTable("Objectives at 32 px", SMALL_ARMS, SCORES, note="The report judges pictures by eye and has no scores."),
    Strips("Objectives at 32 px, every run", SMALL_ARMS, (MIG, score("dci.disentanglement"), NLL, KL)),
    ScoreTable("Decoders at 32 px", DECODERS, (MIG, score("dci.disentanglement"), POSITION_APART, CHECKERED, FINE, NLL, KL)),
    Strips("Decoders at 32 px, every run", DECODERS, (MIG, POSITION_APART, CHECKERED, NLL)),
    AssignmentTable(
        "Fig. 2: latents of β 4",
        BETA4,
        {"x": "z7, z10", "y": "z3, z6, z9", "scale": "z1, z3, z6 (z4, z5, z8)", "orientation": "z3, z4, z10"},
        strong=STRONG,
        weak=WEAK,
    ),
    AssignmentTable(
        "Fig. 6: latents of the SBD",
        SBD_VAE,
        {"x": "z10", "y": "z8", "scale": "z1, z4, z6, z7, z9 (z3, z2)", "orientation": "z2, z3, z5, z6 (z7, z4, z8, z10)"},
        strong=STRONG,
        weak=WEAK,
    ),
    AssignmentTable(
        "Fig. 8: latents of the SBD with β 4",
        SBD_BETA,
        {"x": "", "y": "z6 (z2)", "scale": "z1, z2, z4, z5, z7, z9, z10 (z6)", "orientation": "z3, z8 (z1, z10)"},
        strong=STRONG,
        weak=WEAK,
    ),
    Shown(
        "Fig. 1: reconstructions",
        SMALL_ARMS,
        "reconstructions",
        "Held-out images, and below them what the model makes of them.",
    ),
    Shown(
        "Fig. 3: traversals of VAE and β 4",
        (VAE, BETA4),
        "traversals",
        "One row per latent, moved over its range while the others stay; most informative first. Names say which factor a "
        "latent follows, if it knows at least 15 % of one.",
    ),
    Shown("Fig. 5 and 7: traversals of the SBD, without and with β 4", (SBD_VAE, SBD_BETA), "traversals", "As above."),
    DifferenceTable(
        "Order of presentation",
        BETA4,
        ORDERS,
        (MIG, score("dci.disentanglement"), NLL, KL),
        "DCI disentanglement of a model that has forgotten all but the last images may be that of a single latent.",
    ),
    DifferenceTable(
        "Ablations",
        BETA4,
        ABLATIONS,
        (MIG, score("dci.disentanglement"), NLL, KL, NEAR_ZERO),
        "The report calls dropout and batch normalization 'slightly worse' and wider networks not better.",
    ),
    WeightHistograms("Weights with and without L2", (BETA4, L2)),
    ScoreTable("Objectives at 64 px", LARGE_ARMS, SCORES),
    ScoreTable("Correlated ellipses", (BETA_CORRELATED, CHYVAE_CORRELATED), (MIG, score("dci.disentanglement"), NLL, KL)),
    ScoreTable("Fashion-MNIST", (VAE_FASHION, BETA_FASHION), (NLL, KL, ACTIVE), note="It has no factors, so no scores."),
    Shown("Fashion-MNIST: reconstructions", (VAE_FASHION, BETA_FASHION), "reconstructions", "Held-out images above."),
    Curves("Loss over training", (*SMALL_ARMS, SBD_VAE, SBD_BETA)),
    Note(
        "The model of Fig. 4",
        (
            "Layers and parameters of its encoder and decoder: unbraid show vae --encoder golla --decoder golla.",
            "Of the spatial broadcast decoder: unbraid show vae --encoder watters --encoder-hidden 0 "
            "--decoder spatial_broadcast --decoder-kernel 3.",
        ),
    ),
)


@studies.register(
    "ellipse-decoders",
    source="Golla, Caspari and Oezkan (2021), Disentanglement in Variational Autoencoder (report, University of Osnabrück)",
)
def ellipse_decoders() -> Study:
    """Whether beta, a spatial broadcast decoder and a hyperprior disentangle ellipses.

    >>> sorted({arm.options["decoder"] for arm in ellipse_decoders().arms})
    ['golla', 'spatial_broadcast']
    """
    return Study(
        question="Do β, a spatial broadcast decoder and a hyperprior disentangle ellipses, and what do they cost?",
        arms=(*SMALL_ARMS, *DECODERS, *ORDERS, *ABLATIONS, *LARGE_ARMS, *OTHER_DATA),
        claims=CLAIMS,
        parts=PARTS,
        yardsticks=(Yardstick(LOSS_CHANGE, at_most=0.02), Yardstick(GAIN, at_least=STUCK, arms=SHUFFLED)),
        metrics=("mig", "dci", "factor_vae_score"),
        evidence=(SHARES, CURVE, MEAN_IMAGE, SPECTRUM, WEIGHTS, RECONSTRUCTIONS, TRAVERSALS),
        published=(
            ("data", "ellipses: x 16, y 16, scale 6, orientation 40; Fashion-MNIST. Image size and drawing are not stated"),
            (
                "encoder",
                "convolutions of 32, 64, 64 kernels, two dense heads; kernel and stride are not stated, taken as 3 and 2, "
                "as in the TensorFlow tutorial that it modifies",
            ),
            ("decoder", "dense, transposed convolutions of 64, 64, 32, 1"),
            ("SBD", "encoder of 4 convolutions of 64; decoder of 3 × 3 convolutions of 64, 64, 1"),
            ("latents", "10"),
            ("β", "4; 1 for the VAE; 6 in passing"),
            ("length", "50 epochs in batches of 32 (β-VAE), 20 epochs (SBD)"),
            ("L2", "'slight', on most layers; its weight is not stated. Here the arm 'β 4 + L2' has it, the others do not"),
            ("learning rate, seeds", "not stated; one run of each model, judged by eye"),
        ),
        answers=(
            (
                "Does the order of images matter?",
                "See 'Order of presentation': random order, one factor at a time, all at once.",
            ),
            ("Dropout, batch normalization, more kernels, L2?", "See 'Ablations' and 'Weights with and without L2'."),
            (
                "What do the brackets of Figs. 2, 6 and 8 mean?",
                f"Weak assignment: here {WEAK:.0%} of a factor's entropy, where {STRONG:.0%} is strong.",
            ),
            ("What does the encoder and decoder look like (Fig. 4)?", "See 'The model of Fig. 4'."),
            (
                "Are SBDs more efficient?",
                "In what their latents tell of positions: see 'position apart from the rest'. What they cost: 'one run took' "
                "in 'Arms', which have the same number of images per run, on a machine that did other work too.",
            ),
            ("Is the size of the images theirs?", "It is not known: 32 px where many runs are needed, 64 px beside it."),
        ),
    )
