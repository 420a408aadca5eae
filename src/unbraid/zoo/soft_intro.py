"""Soft-IntroVAE and Soft-Intro-TCVAE: the encoder against the decoder."""

from __future__ import annotations

from typing import Annotated

from unbraid.objectives.soft_intro import SoftIntro, Target
from unbraid.options import Option
from unbraid.rates.kl import KL
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.zoo.recipe import Optimizer, Recipe
from unbraid.zoo.registry import Published, models

_DANIEL = "Daniel and Tamar (2021), code"
_MATT = "Matt (2022), report"
_CODED = "Matt (2022), code"

BetaRec = Annotated[float, Option("weight of reconstructions", gt=0)]
BetaKL = Annotated[float, Option("weight of the regularizer outside the exponentials", ge=0)]
BetaNeg = Annotated[
    float, Option("weight of the regularizer inside the exponentials: the larger, the weaker the repulsion", ge=0)
]
GammaR = Annotated[float, Option("weight of the decoder's reconstruction of its own images; 0 saves a backward pass", ge=0)]
TargetOption = Annotated[
    Target, Option("whether the encoder sees reconstructions as constants when it compares them, or as the published code does")
]
Warmup = Annotated[
    float,
    Option("duration of a plain VAE's training at first: a fraction of the run up to 1, steps above it, 0 for none", ge=0),
]
WarmupScaled = Annotated[
    bool, Option("multiply the warm-up's loss by s too; without, Adam hardly moves for thousands of steps after the warm-up")
]
Milestone = Annotated[
    float, Option("when learning rates fall to a tenth: a fraction of the run up to 1, a step above it, 0 for never", ge=0)
]


def _daniel(
    data: str, beta_rec: float, beta_kl: float, beta_neg: float, latent_dim: int, batch_size: int, note: str = ""
) -> Published:
    weights = {"beta_rec": beta_rec, "beta_kl": beta_kl, "beta_neg": beta_neg, "gamma_r": 1e-8}
    return Published(_DANIEL, data, {**weights, "latent_dim": latent_dim, "batch_size": batch_size, "lr": 2e-4}, note)


def _recipe(game: SoftIntro, milestone: float, least_batch: int = 1) -> Recipe:
    milestones = (milestone,) if milestone else ()
    return Recipe(game, optimizer=Optimizer(lr=2e-4, milestones=milestones), least_batch=least_batch)


_REDUCED = {"latent_dim": 10, "epochs": 200}
_DEFAULTS = {"lr": 2e-4, "batch_size": 128}


@models.register(
    "soft_intro_vae",
    any_rates=True,
    formula=(
        "encoder: s E(x) + 1/2 exp(-2 s E'(x')); decoder: s [beta_rec * L(x) + beta_kl * KL(x') + gamma_r * beta_rec * L(x')]; "
        "where s = 1 / (C H W), E(x) = beta_rec * L(x) + beta_kl * KL(x), E' is E with beta_neg for beta_kl, and x' is the "
        "model's own: half reconstructions, half D(z) for z from the prior"
    ),
    source="Daniel and Tamar (2021), Soft-IntroVAE: Analyzing and Improving the Introspective Variational Autoencoder, CVPR",
    published=(
        _daniel("cifar10, svhn", 1, 1, 256, 128, 32),
        _daniel("mnist, fashion_mnist", 1, 1, 256, 32, 128),
        _daniel("monsters", 0.2, 0.2, 256, 128, 16),
        _daniel("celeba-hq", 1, 0.5, 1024, 256, 8, "its README"),
        _daniel("celeba-hq", 0.5, 1, 1024, 256, 8, "its docstring; the two disagree"),
        Published(
            _MATT,
            "dsprites_reduced",
            {"beta_rec": 8, "beta_kl": 8, "beta_neg": 8, "gamma_r": 1, **_REDUCED},
            "as written; Ukiyo-e with latent_dim 48",
        ),
        Published(
            _CODED,
            "dsprites_reduced",
            {"beta_rec": 8, "beta_kl": 8, "beta_neg": 8, "gamma_r": 1e-8, **_REDUCED, **_DEFAULTS},
            "as coded, with the weights as written",
        ),
        Published(
            _MATT,
            "dsprites_reduced",
            {"beta_rec": 1, "beta_kl": 8, "beta_neg": 8, "gamma_r": 1, **_REDUCED},
            "as meant: beta 8",
        ),
    ),
)
def soft_intro_vae(
    beta_kl: BetaKL = 1.0,
    beta_rec: BetaRec = 1.0,
    beta_neg: BetaNeg = 256.0,
    gamma_r: GammaR = 1e-8,
    target: TargetOption = "detached",
    warmup: Warmup = 0.0,
    warmup_scaled: WarmupScaled = False,
    lr_milestone: Milestone = 0.0,
) -> Recipe:
    """Soft-IntroVAE (Daniel and Tamar): the encoder lowers the ELBO of fakes, the decoder raises it.

    A step has two moves, each with an Adam of its own. L is -log p(x|z) without constants, KL that of the posterior to the
    prior, both in nats per image; s is in all losses but the warm-up's. Without s the exponentials would be 0 in floating
    point, and the encoder a VAE's. Without it in the warm-up, as published, Adam goes on dividing by gradients 1 / s times as
    large, and next to nothing is learned for thousands of steps after it; --warmup-scaled mends that. The code's learning rates
    fall to a tenth after 350 epochs (--lr-milestone), which its own default of 250 epochs does not reach.

    Limits: with beta_neg towards infinity the exponentials vanish, and the encoder minimizes s times a VAE's loss. An
    exponential is 1 where L and KL are 0, and nowhere more. The push on the KL of a fake is s / 2 * beta_neg * exp(-2 s E'),
    and so on that of a reconstruction: at a KL of a few times 1 / (2 s beta_neg) it is gone.

    Watch encoder/exp_elbo_fake (at 0, nothing repels) and decoder/kl_fake beside kl: where fakes cost no more than images, the
    encoder does not tell them apart. beta_neg is the knob for both.

    The sources differ from what they say. Printed losses are to be maximized; the codes minimize their negatives. Daniel and
    Tamar's code sums squared errors over pixels but averages cross-entropies and absolute errors outside the exponentials, and
    the encoder's gradient also comes through the reconstruction as a target (--target reference). Matt's text swaps the
    players. The weights 8 and 8 there make a VAE of the report's beta-VAE, since Adam takes the common factor out.

    >>> objective = soft_intro_vae(beta_neg=256.0).objective
    >>> objective.rates, objective.beta_neg
    ((KL(beta=1.0, warmup=0.0, start=0.0, normalized=False),), 256.0)
    """
    game = SoftIntro(
        beta_rec=beta_rec,
        beta_kl=beta_kl,
        beta_neg=beta_neg,
        gamma_r=gamma_r,
        target=target,
        warmup=warmup,
        warmup_scaled=warmup_scaled,
    )
    return _recipe(game, lr_milestone)


@models.register(
    "soft_intro_tcvae",
    formula=(
        "the losses of soft_intro_vae with KL + (beta_tc - 1) TC for the KL, and beta_tc_neg for beta_tc inside exponentials"
    ),
    remedies={
        "energies_clamped": "Lower --beta-tc-neg, or raise --batch-size.",
        "no_repulsion": "Lower --beta-neg or --beta-tc-neg.",
    },
    source="Matt (2022), Extending the Adversarial Loss Function of Soft-Intro VAE for Stronger Disentanglement, report",
    published=(
        Published(
            _CODED,
            "dsprites_reduced",
            {
                "beta_rec": 8,
                "beta_kl": 1,
                "beta_tc": 8,
                "beta_neg": 1,
                "beta_tc_neg": 8,
                "gamma_r": 1e-8,
                **_REDUCED,
                **_DEFAULTS,
            },
            "as coded: its weights 8 are 8 L + KL + 7 TC, in the exponentials too; Ukiyo-e with latent_dim 48",
        ),
        Published(
            _MATT,
            "dsprites_reduced",
            {"beta_rec": 1, "beta_kl": 1, "beta_tc": 8, "beta_neg": 1, "gamma_r": 1, **_REDUCED},
            "as meant: L + KL + 7 TC",
        ),
    ),
)
def soft_intro_tcvae(
    beta_tc: Annotated[
        float, Option("weight of the total correlation within the regularizer; 1 is soft_intro_vae", ge=0)
    ] = 6.0,
    beta_tc_neg: Annotated[float | None, Option("the same inside the exponentials; as beta_tc unless given", ge=0)] = None,
    beta_kl: BetaKL = 1.0,
    beta_rec: BetaRec = 1.0,
    beta_neg: BetaNeg = 256.0,
    gamma_r: GammaR = 1e-8,
    target: TargetOption = "detached",
    warmup: Warmup = 0.0,
    warmup_scaled: WarmupScaled = False,
    lr_milestone: Milestone = 0.0,
) -> Recipe:
    """Soft-Intro-TCVAE (Matt): Soft-IntroVAE with a larger weight on the total correlation.

    The regularizer is KL + (beta_tc - 1) TC, and beta_kl and beta_neg are weights of all of it: with beta_tc 1 this is
    soft_intro_vae, whatever they are. In the report's code one number is both weights: outside the exponentials its beta_kl is
    beta_tc here, inside them its beta_neg is beta_tc_neg, and the KL has weight 1. Its 8 is therefore not the 8 of its
    Soft-IntroVAE, which weighs the KL (Published settings, as coded and as meant).

    TC is estimated from the batch, that of fakes from a batch of fakes (docs/estimates.md); an image's estimate may be
    negative. Exponentials stop at 1: encoder/clamped is the share of fakes and reconstructions where they did. The code lets
    them grow, which may be why the report finds its KL unstable. It also takes each sample's variance for that of the mixture's
    component, and misplaces the weights of its estimator of q(z); neither is done here.

    >>> objective = soft_intro_tcvae(beta_tc=6.0).objective
    >>> [type(rate).__name__ for rate in objective.rates], objective.rates[1].weight
    (['KL', 'TotalCorrelation'], 5.0)
    """
    inside = beta_tc if beta_tc_neg is None else beta_tc_neg
    game = SoftIntro(
        rates=(KL(), TotalCorrelation(beta_tc - 1)),
        negative_rates=(KL(), TotalCorrelation(inside - 1)),
        beta_rec=beta_rec,
        beta_kl=beta_kl,
        beta_neg=beta_neg,
        gamma_r=gamma_r,
        target=target,
        warmup=warmup,
        warmup_scaled=warmup_scaled,
    )
    return _recipe(game, lr_milestone, least_batch=2)
