"""Koller (2022): a grid of β and latent sizes on shapes and digits, and transfer."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unbraid.phrases import in_words
from unbraid.reporting.view import RunView
from unbraid.studies.declaration import Arm, Budget, Claim, Length, Part, Study, Yardstick
from unbraid.studies.evidence import CURVE, MEAN_IMAGE, RECONSTRUCTIONS, SHARES, SPECTRUM, Evidence, named, picture
from unbraid.studies.grids import GridMaps
from unbraid.studies.measures import (
    ACTIVE,
    GAIN,
    KL,
    STUCK,
    Measure,
    Run,
    above_untrained,
    best_share,
    kept,
    late_fall,
    losses_of,
    score,
    unweighted_loss,
    values_of,
)
from unbraid.studies.parts import Curves, Note, ScoreTable, Shown, Strips
from unbraid.studies.registry import studies
from unbraid.studies.rules import (
    Better,
    CannotTest,
    Correlated,
    Every,
    MeanBeyond,
    NotBetter,
    NoTrend,
    Provided,
    ShareAbove,
    Trend,
)
from unbraid.studies.transfer import Penalty, TransferCurves, TransferTable, accuracy, efficiency, gain, probed, softened
from unbraid.sweep.compare.quantities import number

# the report's grid: 5 x 5, β_norm 0.002 to 20, latent size 5 to 125; its steps are not stated, ours are equal factors
BETA_NORMS = (0.002, 0.02, 0.2, 2.0, 20.0)
LATENTS = (5, 11, 25, 56, 125)
PIXELS = 28 * 28
MIDDLE = 11
"""The latent size of the finer line, and of the arms at 64 px."""
BETWEEN = (2e-5, 2e-4, 0.0063, 0.063, 0.63, 6.3)
"""Further values of β_norm: down to where the report would have gone, and between those of the grid."""
TRANSFER_BETAS, TRANSFER_LATENTS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), (2, 10)
SHOWN_BETAS, SHOWN_LATENTS, SPAN = (0.0, 1.0, 2.0), 5, 2.5
"""Of Figs. 5 and 6: β, latents, and how far each latent is moved to both sides."""

# lengths: images per run and seeds; the report does not say how long it trained
LENGTHS: dict[Budget, Length] = {"cpu": Length(100_000, 2), "paper": Length(1_000_000, 5)}
THREE: dict[Budget, Length] = {"cpu": Length(100_000, 3), "paper": Length(1_000_000, 5)}
QUICK: dict[Budget, Length] = {"quick": Length(640, 1)}

# settings: squared error summed over pixels, so that β and β_norm are the report's; batch size and learning rate are ours
SQUARED = {"likelihood": "gaussian", "convention": "squared_error"}
NETWORKS = {"encoder": "koller", "decoder": "koller", "batch_size": 64, "lr": 0.001}
CONSTANT = {"beta_warmup": 0, "beta_start": 0}
FIXED_VARIANCE = 0.5
"""Of a pixel, under which the loss is the sum of squared errors."""

FEW, SOME, MANY = 100, 1_000, 3_000
"""Labels of the classifiers that claims rest on."""
MARGIN, NATS, ERRORS = 0.05, 1.0, 0.001
"""The smallest differences that matter: of scores and accuracies, in nats per image, of squared errors and losses per pixel."""
NOISE = 0.02
"""Scores that differ by less are as good as each other where models are ranked."""
HARSH = 10_000.0
"""Penalty of the regularized classifier: as large as the number of votes that it learns from."""
VOTES, FEW_VOTES = 4_000, 100


def normalized(value: float, latents: int) -> dict[str, Any]:
    """A β_norm and a number of latents; the weight of the KL is β_norm × pixels / latents."""
    return {"latent_dim": latents, "beta": value, "normalized": True, **CONSTANT, **SQUARED, **NETWORKS}


def plain(value: float, latents: int) -> dict[str, Any]:
    """A β and a number of latents."""
    return {"latent_dim": latents, "beta": value, **CONSTANT, **SQUARED, **NETWORKS}


def _with(lengths: Mapping[Budget, Length], quick: bool) -> dict[Budget, Length]:
    return {**lengths, **(QUICK if quick else {})}


def _corner(value: float, latents: int) -> bool:
    return value in (0.002, 2.0) and latents in (LATENTS[0], LATENTS[-1])


# shapes
GRID: dict[tuple[float, float], Arm] = {
    (value, latents): Arm(
        f"β_norm {value:g} at {latents} latents", "beta_vae", "shapes", {"size": 28, **normalized(value, latents)},
        _with(THREE if latents == MIDDLE else LENGTHS, _corner(value, latents)),
    )
    for latents in LATENTS for value in BETA_NORMS
}  # fmt: skip
FINER = {
    value: Arm(
        f"β_norm {value:g} at {MIDDLE} latents", "beta_vae", "shapes", {"size": 28, **normalized(value, MIDDLE)}, THREE,
        "a finer grid: the report's second hypothesis",
    )
    for value in BETWEEN
}  # fmt: skip
LINE = dict(sorted({**FINER, **{value: GRID[value, MIDDLE] for value in BETA_NORMS}}.items()))
LARGE = {
    value: Arm(
        f"β_norm {value:g} at {MIDDLE} latents and 64 px", "beta_vae", "shapes", {"size": 64, **normalized(value, MIDDLE)},
        _with(THREE, value == 0.02), "64 px: the report's first hypothesis",
    )
    for value in BETA_NORMS[:3]
}  # fmt: skip
HEARTS = {
    value: Arm(
        f"β {value:g} at {SHOWN_LATENTS} latents", "beta_vae", "shapes", {"size": 28, **plain(value, SHOWN_LATENTS)},
        _with(LENGTHS, value == 1), "Fig. 6",
    )
    for value in SHOWN_BETAS
}  # fmt: skip


def _sigma_arms(where: str, data: str, latents: int, quick: bool) -> dict[str, Arm]:
    return {
        kind: Arm(
            f"{kind} σ at {latents} latents{where}", "vae", data,
            {"size": 28, "latent_dim": latents, **NETWORKS, "likelihood": name},
            _with(LENGTHS, quick), "the report's 'LMSE', which it did not test",
        )
        for kind, name in (("learned", "gaussian_learned"), ("optimal", "gaussian_optimal"))
    }  # fmt: skip


HEART_SIGMAS = _sigma_arms("", "shapes", SHOWN_LATENTS, quick=True)


@dataclass(frozen=True, eq=False)
class Digits:
    """The arms on images with labels: MNIST, or Fashion-MNIST instead.

    Args:
        name: of the data.
        grid: as on shapes.
        transfer: by β and number of latents, those of Fig. 3 and Fig. 7.
        shown: by β, those of Fig. 5.
        sigmas: learned and optimal.
    """

    name: str
    grid: Mapping[tuple[float, float], Arm]
    transfer: Mapping[tuple[float, int], Arm]
    shown: Mapping[float, Arm]
    sigmas: Mapping[str, Arm]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All of them."""
        return (*self.grid.values(), *self.transfer.values(), *self.shown.values(), *self.sigmas.values())


def digits() -> Digits:
    """Arms on MNIST, or on Fashion-MNIST where the environment variable UNBRAID_DIGITS says so.

    A page is of one of them. Runs of `quick` are of Fashion-MNIST alone, which continuous integration has.
    """
    data = os.environ.get("UNBRAID_DIGITS") or "mnist"
    name = "MNIST" if data == "mnist" else "Fashion-MNIST"
    quick = data != "mnist"
    where = f" on {name}"
    return Digits(
        name,
        {
            (value, latents): Arm(
                f"β_norm {value:g} at {latents} latents{where}", "beta_vae", data, {"size": 28, **normalized(value, latents)},
                LENGTHS,
            )
            for latents in LATENTS for value in BETA_NORMS
        },
        {
            (value, latents): Arm(
                f"β {value:g} at {latents} latents{where}", "beta_vae", data, {"size": 28, **plain(value, latents)},
                _with(LENGTHS, quick and value in (0, 2) and latents == 10), "Figs. 3 and 7",
            )
            for latents in TRANSFER_LATENTS for value in TRANSFER_BETAS
        },
        {
            value: Arm(
                f"β {value:g} at {SHOWN_LATENTS} latents{where}", "beta_vae", data, {"size": 28, **plain(value, SHOWN_LATENTS)},
                LENGTHS, "Fig. 5",
            )
            for value in SHOWN_BETAS
        },
        _sigma_arms(where, data, 10, quick=False),
    )  # fmt: skip


# what the ledger keeps


def _is_shown(view: RunView) -> bool:
    """Whether a run is of a figure of images: its β is not normalized."""
    return view.experiment.model == "beta_vae" and not view.experiment.model_options["normalized"]


def _only_shown(evidence: Evidence) -> Evidence:
    return replace(evidence, make=lambda view: evidence.make(view) if _is_shown(view) else None)


def _span(view: RunView) -> dict[str, Any] | None:
    from unbraid.reporting.traversals import along, code_of

    if not (_is_shown(view) and view.model.latent_dim == SHOWN_LATENTS and view.dataset.redistributable):
        return None
    values = np.tile(np.linspace(-SPAN, SPAN, 11, dtype=np.float32), (SHOWN_LATENTS, 1))
    rows = along(view, code_of(view, "posterior")[0], values, [one.index for one in view.latents])
    return {**picture(rows), "labels": named(view.latents)}


def _classifiers(view: RunView) -> dict[str, float] | None:
    """The β-VAE score by several classifiers of the same votes, and of signed differences."""
    from unbraid.metrics.beta_vae_score import draw_votes
    from unbraid.metrics.samples import gather

    table = view.table
    if not table.has_factors or not np.isfinite(table.mean).all():
        return None
    samples = gather(table.mean.astype(np.float64), table.factors[:, table.scored_columns].astype(np.int64))
    votes = draw_votes(samples, "standardized", train_votes=VOTES, test_votes=VOTES)
    signed = draw_votes(samples, "signed", train_votes=VOTES, test_votes=VOTES)
    found = {
        "usual": votes.named(),
        "harsh": votes.named(penalty=HARSH),
        "few": votes.named(first=FEW_VOTES),
        "signed": signed.named(),
    }
    return {name: round(float(right.mean()), 4) for name, right in found.items()}


def _label_shares(view: RunView) -> dict[str, Any] | None:
    """The share of the labels' entropy that each latent knows."""
    from unbraid.metrics.information.definitions import information
    from unbraid.metrics.samples import gather

    table = view.table
    if not len(table.labels) or table.latent_dim > SHOWN_LATENTS or not np.isfinite(table.mean).all():
        return None
    samples = gather(table.mean.astype(np.float64), table.labels[:, None].astype(np.int64))
    shares = information(samples, "adjusted").shares[:, 0]
    live = [float(share) for share, active in zip(shares, view.scored["active"], strict=True) if active]
    return {"least": min(live) if live else None, "shares": [round(float(share), 4) for share in shares]}


SPAN_TRAVERSALS = Evidence("span_traversals", _span, first_seed_only=True)
CLASSIFIERS = Evidence("classifiers", _classifiers)
LABEL_SHARES = Evidence("label_shares", _label_shares)
PROBED = probed(
    lambda view: _is_shown(view) and view.model.latent_dim in TRANSFER_LATENTS,
    lambda view: view.experiment.model_options["beta"] == 1,
)

# measures


def _pixels(run: Run) -> float:
    return float(np.prod(run.result.configuration["image_shape"]))


def _variance(run: Run) -> float:
    """Of a pixel, under the run's likelihood."""
    sigma = number(losses_of(run, "test").get("terms", {}).get("sigma"))
    return sigma**2 if math.isfinite(sigma) else FIXED_VARIANCE


def _squared_error(run: Run) -> float:
    """Mean over pixels of held-out images, with z drawn."""
    energy = number(losses_of(run, "test").get("nll")) - number(losses_of(run, "test").get("nll_constant"))
    return 2 * _variance(run) * energy / _pixels(run)


def _their_loss(run: Run) -> float:
    return (number(losses_of(run, "test").get("loss")) - number(losses_of(run, "test").get("nll_constant"))) / _pixels(run)


def _calibrated(run: Run) -> float:
    error, pixels = _squared_error(run), _pixels(run)
    return pixels / 2 * (math.log(2 * math.pi * error) + 1) + KL.of(run) if error > 0 else math.nan


def _energy_fall(run: Run) -> float:
    constant = number(losses_of(run, "test").get("nll_constant")) if _variance(run) == FIXED_VARIANCE else 0.0
    return late_fall(values_of(run, "curve", "loss") - constant)


THEIR_LOSS = Measure("their_loss", "test loss of the report", _their_loss, False)
"""Mean squared error of a pixel + β_norm × mean KL of a latent."""
ERROR = Measure("squared_error", "squared error per pixel", _squared_error, False, (0.0, math.inf))
ELBO = Measure("negative_elbo", "−ELBO, unweighted", unweighted_loss, False, unit="nats")
"""Reconstruction + KL, whatever β, at the fixed standard deviation of 0.71 per pixel."""
CALIBRATED = Measure("calibrated_elbo", "−ELBO at the σ that fits", _calibrated, False, unit="nats")
"""The same with the variance of a pixel that is best for the run's held-out images: N/2 (log(2π e) + 1) + KL."""
SIGMA = Measure("sigma", "σ of a pixel", lambda run: math.sqrt(_variance(run)), None, (0.0, math.inf))
IMPLIED = Measure(
    "implied_beta", "β that this σ amounts to", lambda run: _variance(run) / FIXED_VARIANCE, None, (0.0, math.inf)
)
TRAINED = Measure("loss_fall", "fall of the loss in the last quarter", _energy_fall, None)
SCORE, MIG = score("beta_vae_score", "β-VAE score"), score("mig")
LEARNED = above_untrained("beta_vae_score", "β-VAE score less the untrained encoder's")


def _by_classifier(kind: str, name: str) -> Measure:
    return kept(f"score_{kind}", name, f"classifiers.{kind}", limits=(0.0, 1.0))


USUAL = _by_classifier("usual", "β-VAE score, usual classifier")
HARSHLY = _by_classifier("harsh", "β-VAE score, harsh penalty")
BRIEFLY = _by_classifier("few", f"β-VAE score, {FEW_VOTES} votes to learn from")
SIGNED = _by_classifier("signed", "β-VAE score, signed differences")
LEAST_SHARE = kept(
    "least_label_share", "least share of the class that an active latent knows", "label_shares.least", limits=(0.0, 1.0)
)
FINE = kept("fine", "fine detail (1 = the images')", "spectrum.fine", higher_is_better=True, limits=(0.0, math.inf))
ROTATION = best_share("rotation")

ALONG_BETA = [[GRID[value, latents] for value in BETA_NORMS] for latents in LATENTS]
ALONG_LATENTS = [[GRID[value, latents] for latents in LATENTS] for value in BETA_NORMS]
MOST_MODERATE = 4.0
"""The largest β of the report's other experiments that left the KL above 0."""
MODERATE = [[GRID[value, latents] for value in BETA_NORMS if value * PIXELS / latents <= MOST_MODERATE] for latents in LATENTS]
"""Before β is excessive."""
FINER_LINE = [arm for value, arm in LINE.items() if value <= 0.2]


def _like_vae(grid: Mapping[tuple[float, float], Arm]) -> list[tuple[float, float]]:
    """For each latent size the cell of the grid whose β is nearest to 1."""
    return [min(((v, m) for v in BETA_NORMS), key=lambda cell: abs(math.log(cell[0] * PIXELS / cell[1]))) for m in LATENTS]


def _betas_at_64() -> str:
    """The weights of the KL that the arms at 64 px have."""
    return in_words([f"{value * 64 * 64 / MIDDLE:.2g}" for value in LARGE])


def _shape_claims() -> list[Claim]:
    grid = list(GRID.values())
    return [
        Claim(
            "“larger values of beta [...] consistently lead to larger test loss” (Shapes)",
            "5, Fig. 2",
            Trend(ALONG_BETA, THEIR_LOSS, "β", 1, resolution=ERRORS),
            "Their loss contains β, so this need not say anything about the models: see the next claim.",
        ),
        Claim(
            "the same of a loss without β (Shapes)",
            "5, Fig. 2",
            Trend(ALONG_BETA, CALIBRATED, "β", 1, resolution=NATS),
            "By −ELBO at the σ that fits, which weighs no term by β.",
        ),
        Claim(
            "“lower latent space size [...] consistently lead to larger test loss” (Shapes)",
            "5, Fig. 2",
            Trend(ALONG_LATENTS, THEIR_LOSS, "latent size", -1, resolution=ERRORS),
            "At the same β_norm.",
        ),
        Claim(
            "“excessively high values of beta reduce disentanglement score across the range of latent space sizes”",
            "6.1, Fig. 4",
            Trend(ALONG_BETA, SCORE, "β", -1, resolution=NOISE),
        ),
        Claim(
            "“larger latent-space continue to have high disentanglement at larger values of beta”",
            "6.1, Fig. 4",
            Every([Trend(ALONG_LATENTS[2:], one, "latent size", 1, resolution=NOISE) for one in (SCORE, LEARNED)]),
            "At β_norm 0.2, 2 and 20, by the score and by what training adds to it, for an untrained encoder's rises with the "
            "latent size too. At the same β_norm a larger latent space has a smaller β. Where no latent is active, the score "
            "reads what little is left of differences between means.",
        ),
        Claim(
            "“unable to demonstrate that, for any particular latent-space size, raising the value of β increases” the score",
            "6.1",
            NoTrend(MODERATE, SCORE, "β", 1, resolution=NOISE),
            f"From β_norm 0.002 up to where β, which is β_norm × {PIXELS} / latents, is at most {MOST_MODERATE:g}.",
        ),
        Claim(
            "[Hig+17]: raising β disentangles, by MIG",
            "6.1",
            Trend(MODERATE, MIG, "β", 1, resolution=NOISE),
            "The same runs by a metric that is not at its ceiling.",
        ),
        Claim(
            "“almost all of the models got a near-perfect disentanglement score”",
            "6.1",
            ShareAbove(grid, SCORE, 0.9, 0.8),
            "More than 80 % of all runs of the grid have at least 0.9.",
        ),
        Claim(
            "“nearly 100 percent” from “the difference between these two encodings: z_diff = z1 − z2”, averaged",
            "6",
            MeanBeyond(GRID[0.02, MIDDLE], SIGNED, above=0.9),
            "As the text has it, without the absolute value; chance is 0.25.",
        ),
        Claim(
            "“models that perform poorly on the disentanglement metric are closely related to those” with a poor test loss",
            "6.1",
            Correlated(grid, SCORE, THEIR_LOSS, -1),
        ),
        Claim(
            "hypothesis “Lower Resolution images”: at 64 px raising β increases the score",
            "6.1",
            Trend([list(LARGE.values())], SCORE, "β", 1, resolution=NOISE),
            f"At {MIDDLE} latents, β_norm 0.002 to 0.2; there these are β {_betas_at_64()}.",
        ),
        Claim(
            "hypothesis “Insufficient experimentation”: “a finer resolution [...] would have revealed an optimal value”",
            "6.1",
            Every(tuple(Better(FINER_LINE[3], FINER_LINE[end], SCORE, MARGIN) for end in (0, -1))),
            f"At {MIDDLE} latents the score in the middle of seven steps from β_norm 0.00002 to 0.2 is above both ends. The "
            f"middle is a β of {BETWEEN[2] * PIXELS / MIDDLE:.2g}, less than a VAE's.",
        ),
        Claim(
            "hypothesis “Overly expressive classifier”: with a “harsh” penalty raising β increases the score",
            "6.1",
            Trend(MODERATE, HARSHLY, "β", 1, resolution=NOISE),
            f"An L2 penalty of {HARSH:,.0f} on {VOTES:,} votes.",
        ),
        Claim(
            "the same with “fewer epochs of training”",
            "6.1",
            Trend(MODERATE, BRIEFLY, "β", 1, resolution=NOISE),
            f"{FEW_VOTES} votes to learn from, in place of fewer epochs.",
        ),
        Claim(
            "“β = 1 seems to show significantly better disentanglement than β = 0” (Shapes)",
            "6.2, Fig. 6",
            Better(HEARTS[1.0], HEARTS[0.0], MIG, MARGIN),
        ),
        Claim(
            "“With β = 2, however, reconstruction of the heart fails”",
            "6.2, Fig. 6",
            Provided(MeanBeyond(HEARTS[1.0], GAIN, above=0.5), MeanBeyond(HEARTS[2.0], GAIN, below=0.5)),
            "Fails: it leaves more than half of the error of the mean image. With β 1 it must not.",
        ),
        Claim(
            "[with β 2] “rotation is not captured at all”",
            "6.2, Fig. 6",
            Provided(MeanBeyond(HEARTS[1.0], ROTATION, above=MARGIN), MeanBeyond(HEARTS[2.0], ROTATION, below=MARGIN)),
            "By the largest share of its entropy that one latent knows; with β 1 one must know it.",
        ),
        Claim(
            "“these results fail to show improvement by adding the hyperparameter β” (Shapes)",
            "6.2, 9",
            NotBetter(HEARTS[2.0], HEARTS[1.0], MIG, MARGIN),
        ),
        Claim(
            "“for β = 0, we see at least two generative variables encoded in one dimension”, for β 1 rotation alone",
            "6.2, Fig. 6",
            CannotTest("it is said of one dimension of one run; the traversals are on the study's page"),
        ),
        Claim(
            "[Yu20]: “LMSE should be used instead” of MSE (Shapes, learned σ)",
            "3.3",
            Better(HEART_SIGMAS["learned"], HEARTS[1.0], CALIBRATED, NATS),
            "The report did not test it. By −ELBO at the σ that fits, which an optimal σ minimizes; for MIG see the table.",
        ),
        Claim("the same, optimal σ", "3.3", Better(HEART_SIGMAS["optimal"], HEARTS[1.0], CALIBRATED, NATS)),
    ]


def _digit_claims(own: Digits) -> list[Claim]:
    t, name = own.transfer, own.name
    some, few, spare = accuracy(SOME), accuracy(FEW), efficiency(FEW, MANY)
    by_fit = "By −ELBO at the σ that fits, which an optimal σ minimizes; it does not say that codes are better."
    along = [[own.grid[value, latents] for value in BETA_NORMS] for latents in LATENTS]
    across = [[own.grid[value, latents] for latents in LATENTS] for value in BETA_NORMS]
    worse = [
        Trend([[t[value, latents] for value in TRANSFER_BETAS[2:]]], ERROR, "β", 1, resolution=ERRORS)
        for latents in TRANSFER_LATENTS
    ]
    return [
        Claim(
            f"“larger values of beta [...] consistently lead to larger test loss” ({name})",
            "5, Fig. 2",
            Trend(along, THEIR_LOSS, "β", 1, resolution=ERRORS),
        ),
        Claim(f"the same of a loss without β ({name})", "5, Fig. 2", Trend(along, CALIBRATED, "β", 1, resolution=NATS)),
        Claim(
            f"“lower latent space size [...] consistently lead to larger test loss” ({name})",
            "5, Fig. 2",
            Trend(across, THEIR_LOSS, "latent size", -1, resolution=ERRORS),
        ),
        Claim(
            "“reconstruction quality goes down significantly for higher values of β”",
            "5, Fig. 3",
            Every(worse),
            "From β 1 to 16, by squared error; first with 2 latents, then with 10.",
        ),
        Claim(
            "“Quality already goes down significantly for β = 2” (2 latents)",
            "5, Fig. 3",
            Better(t[1.0, 2], t[2.0, 2], ERROR, ERRORS),
        ),
        Claim("the same (10 latents)", "5, Fig. 3", Better(t[1.0, 10], t[2.0, 10], ERROR, ERRORS)),
        Claim(
            "“all dimensions are used to encode information correlated with the categorical distribution of digits”",
            "6.2, Fig. 5",
            Every([MeanBeyond(arm, LEAST_SHARE, above=0.01) for arm in own.shown.values()]),
            "“For any value of β”: by the least share of the class's entropy that an active latent knows, at each of three.",
        ),
        Claim(
            "“lower reconstruction quality for β = 2, specifically blurrier constructed images”",
            "6.2, Fig. 5",
            Better(own.shown[1.0], own.shown[2.0], FINE, MARGIN),
            "By the fine detail of reconstructions, against β 1.",
        ),
        Claim(
            "“more samples generally lead to better performance”",
            "7, Fig. 7",
            MeanBeyond(t[1.0, 10], gain(FEW, MANY), above=0.0),
        ),
        Claim(
            "“increasing latent space dimension leads to improved performance”",
            "7, Fig. 7",
            Better(t[1.0, 10], t[1.0, 2], some, MARGIN),
        ),
        Claim("“increasing beta too high reduces performance”", "7, Fig. 7", Better(t[1.0, 10], t[16.0, 10], some, MARGIN)),
        Claim(
            "“increasing the value of β from 0 to 0.5 to 1 improves performance with latent space dimension 2”",
            "7, Fig. 7",
            Trend([[t[value, 2] for value in (0.0, 0.5, 1.0)]], some, "β", 1, resolution=NOISE),
        ),
        Claim(
            "“do not robustly show that sample efficiency in particular improves for any particular value of β > 1”",
            "7, Fig. 7",
            Every([NotBetter(t[value, 10], t[1.0, 10], spare, MARGIN) for value in (2.0, 4.0, 8.0, 16.0)]),
            f"By the share of what {MANY:,} labels give above chance that {FEW} give, 10 latents.",
        ),
        Claim(
            "[β 8 and 16] “are less sample efficient than the β = 1 model”",
            "7, Fig. 7",
            Every([Better(t[1.0, 10], t[value, 10], spare, MARGIN) for value in (8.0, 16.0)]),
            "By the same share.",
        ),
        Claim(
            "“a beta value of around 1.0 is optimal”",
            "7, 9",
            Every(
                [
                    *(Better(t[1.0, 10], t[value, 10], some, MARGIN) for value in (4.0, 8.0, 16.0)),
                    *(NotBetter(t[value, 10], t[1.0, 10], some, MARGIN) for value in (0.0, 0.5, 2.0)),
                ]
            ),
            f"By accuracy with {SOME:,} labels, 10 latents: above 4, 8 and 16; and 0, 0.5 and 2 are not better by {MARGIN:g}.",
        ),
        Claim(
            "[Hig+17]: “significant improvements for scenarios such as transfer or fast learning”",
            "7",
            Better(t[4.0, 10], t[1.0, 10], few, MARGIN),
            f"β 4 against 1, by accuracy with {FEW} labels.",
        ),
        Claim(
            "the loss of information “dominates the gain from simplicity”, “especially if the classifier is highly expressive”",
            "7",
            Every([Better(t[1.0, 10], t[4.0, 10], few, MARGIN), Better(t[4.0, 10], t[1.0, 10], softened(FEW), NOISE)]),
            f"β 4 is less accurate than 1 with {FEW} labels, and an L2 penalty takes less from it, or adds more.",
        ),
        Claim(
            "“MNIST does not have continuous generative factors”, so disentangling does not help",
            "7",
            CannotTest("the data name no factors that an arm could take away"),
        ),
        Claim(
            f"[Yu20]: “LMSE should be used instead” of MSE ({name}, learned σ)",
            "3.3",
            Better(own.sigmas["learned"], t[1.0, 10], CALIBRATED, NATS),
            by_fit,
        ),
        Claim(f"the same, optimal σ ({name})", "3.3", Better(own.sigmas["optimal"], t[1.0, 10], CALIBRATED, NATS), by_fit),
    ]


def _parts(own: Digits) -> tuple[Part, ...]:
    names, t = ("β_norm", "latent size"), own.transfer
    vae = "Outlined: the β nearest to 1, where the report has its orange line."

    def maps(title: str, grid: Mapping[tuple[float, float], Arm], measures: Sequence[Measure]) -> list[Part]:
        numbers = "In numbers, " + title[0].lower() + title[1:]
        return [
            GridMaps(title, grid, names, measures, _like_vae(grid), vae),
            ScoreTable(numbers, list(grid.values()), measures),
        ]

    losses = (THEIR_LOSS, ERROR, KL, ELBO, CALIBRATED, ACTIVE)
    counts = (10, 30, FEW, 300, SOME, MANY)
    penalties: tuple[tuple[str, Penalty], ...] = (
        ("Fig. 7: accuracy by labels", "none"),
        ("Accuracy by labels with an L2 penalty", "l2"),
    )
    groups = [
        (f"{latents} latents", [(f"β {value:g}", t[value, latents]) for value in TRANSFER_BETAS])
        for latents in TRANSFER_LATENTS
    ]
    return (
        *maps("Losses over the grid, Shapes (Fig. 2)", GRID, losses),
        *maps(f"Losses over the grid, {own.name} (Fig. 2)", own.grid, losses),
        *maps("Scores over the grid, Shapes (Fig. 4)", GRID, (SCORE, LEARNED, MIG, HARSHLY, BRIEFLY, SIGNED)),
        *(
            Shown(
                f"Fig. 3: reconstructions, {own.name}, {latents} latents",
                [t[value, latents] for value in TRANSFER_BETAS],
                "reconstructions",
                "Held-out images, and below them what the model makes of them.",
            )
            for latents in TRANSFER_LATENTS
        ),
        ScoreTable("Fig. 3 in numbers", list(t.values()), (ERROR, FINE, KL, ACTIVE), note="The report judges by eye."),
        Shown(
            f"Fig. 5: latents moved from −{SPAN} to {SPAN}, {own.name}",
            list(own.shown.values()),
            "span_traversals",
            "One row per latent, most informative first, from the code of one image; the report shows one row for each β.",
        ),
        ScoreTable(f"Fig. 5 in numbers, {own.name}", list(own.shown.values()), (LEAST_SHARE, FINE, ERROR, KL)),
        Shown(
            f"Fig. 6: latents moved from −{SPAN} to {SPAN}, Shapes",
            list(HEARTS.values()),
            "span_traversals",
            "As in Fig. 5; names say which factor a latent follows.",
        ),
        ScoreTable("Fig. 6 in numbers, Shapes", list(HEARTS.values()), (MIG, SCORE, ROTATION, ERROR, KL)),
        *(
            TransferTable(
                f"{title}, {own.name}, {latents} latents",
                [t[value, latents] for value in TRANSFER_BETAS],
                counts,
                penalty,
                "A linear softmax classifier on the frozen encoder's means, which differ a little between images even where no "
                "latent is active.",
            )
            for title, penalty in penalties
            for latents in TRANSFER_LATENTS
        ),
        TransferCurves(f"Fig. 7: accuracy by labels, {own.name}", groups, caption="Without a penalty."),
        TransferCurves(f"Fig. 7: test loss by labels, {own.name}", groups, "loss", caption="Without a penalty, in nats."),
        TransferCurves(f"Accuracy by labels with an L2 penalty, {own.name}", groups, penalty="l2"),
        ScoreTable(
            "σ fixed, learned, optimal: Shapes",
            (HEARTS[1.0], *HEART_SIGMAS.values()),
            (SIGMA, IMPLIED, ERROR, KL, CALIBRATED, MIG),
            note="A learned σ is a β: at the σ found, the loss is that of MSE with β = σ² / 0.5.",
        ),
        ScoreTable(
            f"σ fixed, learned, optimal: {own.name}",
            (t[1.0, 10], *own.sigmas.values()),
            (SIGMA, IMPLIED, ERROR, KL, CALIBRATED),
        ),
        ScoreTable(
            "Hypothesis 1: 64 px",
            [arm for v in BETA_NORMS[:3] for arm in (GRID[v, MIDDLE], LARGE[v])],
            (SCORE, HARSHLY, MIG, ERROR, KL),
            note="β_norm means the same weight per pixel and latent at both sizes.",
        ),
        ScoreTable("Hypothesis 2: a finer grid", list(LINE.values()), (SCORE, HARSHLY, MIG, ERROR, KL, ACTIVE)),
        Strips("A finer grid, every run", list(LINE.values()), (SCORE, MIG)),
        ScoreTable(
            "Hypothesis 3: classifiers",
            [GRID[v, MIDDLE] for v in BETA_NORMS],
            (USUAL, HARSHLY, BRIEFLY, SIGNED),
            {GRID[v, MIDDLE]: {USUAL.key: "nearly 1"} for v in BETA_NORMS[:3]},
            note=f"All of the same {VOTES:,} + {VOTES:,} votes, but for the signed ones. Chance is 0.25.",
        ),
        Curves("Loss over training", [GRID[v, MIDDLE] for v in BETA_NORMS]),
        Note(
            "What a clean clone needs",
            (
                "Shapes: nothing. MNIST is downloaded, or lies in the cache. UNBRAID_DIGITS=fashion_mnist takes Fashion-MNIST "
                "in its place; a page is of one of them, and the names of arms say which.",
            ),
        ),
    )


@studies.register("beta-grid", source="Koller (2022), Reproducibility Challenge: β-VAE (group report)")
def beta_grid() -> Study:
    """Whether β disentangles and helps transfer, over a grid of β and latent sizes.

    >>> sorted({arm.data for arm in beta_grid().arms})
    ['mnist', 'shapes']
    """
    own = digits()
    return Study(
        question=f"Does raising β disentangle, on Shapes and {own.name} and over a grid of latent sizes, and does it help "
        "transfer? The report says no, and has three hypotheses why.",
        arms=(*GRID.values(), *FINER.values(), *LARGE.values(), *HEARTS.values(), *HEART_SIGMAS.values(), *own.arms),
        claims=(*_shape_claims(), *_digit_claims(own)),
        parts=_parts(own),
        yardsticks=(Yardstick(TRAINED, at_most=0.1), Yardstick(GAIN, at_least=STUCK)),
        explorer=tuple(GRID.values()),
        metrics=("beta_vae_score", "mig"),
        scored={"quick": 200, "cpu": 10_000, "paper": 60_000},
        evidence=(
            CURVE,
            MEAN_IMAGE,
            SHARES,
            CLASSIFIERS,
            LABEL_SHARES,
            PROBED,
            _only_shown(RECONSTRUCTIONS),
            _only_shown(SPECTRUM),
            SPAN_TRAVERSALS,
        ),
        published=(
            ("data", "Shapes: a white heart on black, x, y, scale, rotation, 28 px, numbers of values not stated; MNIST"),
            (
                "encoder",
                "convolutions with max pooling, one fully connected layer to 2 M outputs; widths are not stated, ours are "
                "32 and 64 channels and 256 units",
            ),
            ("decoder", "its mirror: nearest-neighbor interpolation, transposed convolutions, sigmoid"),
            ("likelihood", "MSE; here the sum of squared errors, which with β_norm is N times mean error + β_norm × mean KL"),
            ("grid", "5 × 5: β_norm = β M / N from 0.002 to 20, M from 5 to 125; the steps between are not stated"),
            ("transfer", "latents 2 and 10, β 0, 0.5, 1, ..., 16; one linear layer with softmax, on MNIST"),
            ("length, batch size, learning rate, seeds", "not stated"),
        ),
        answers=(
            (
                "Is it news that larger β gives larger test loss?",
                "No: their loss contains β. See the maps of squared error, and of −ELBO without β.",
            ),
            (
                "What of β 0?",
                "The KL has no weight, so σ shrinks and the KL grows without end; accuracy and images stay comparable, "
                "−ELBO does not.",
            ),
            (
                "Does an MSE stand for a likelihood?",
                "With a fixed σ. See 'σ fixed, learned, optimal' for LMSE, which is the optimal σ.",
            ),
            (
                "Why not optimize β itself, as the KKT form would?",
                "That is the model constrained_beta_vae: KL ≤ ε by dual ascent on β. Here the weights are the report's.",
            ),
            (
                "Can a score without absolute values be near 1?",
                "See the map of signed differences: it cannot, so their code must have taken the absolute value.",
            ),
            ("Is their classifier too expressive?", "See the three classifiers of the same votes."),
            (
                "What would CelebA's annotations give?",
                "unbraid probe takes labels or any factor of a data set: docs/probing.md.",
            ),
            (
                "No interaction library for ONNX?",
                "unbraid explore --encoder e.onnx --decoder d.onnx: docs/explorer.md. The report's poster, with β and latent "
                "size as sliders: unbraid study beta-grid --explorer.",
            ),
        ),
    )
