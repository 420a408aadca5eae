"""Weakly supervised models: they learn from pairs of images with unknown shared factors."""

from __future__ import annotations

from typing import Annotated

from unbraid.data.pairs import Pairs
from unbraid.objectives.ada import AdaVAE
from unbraid.options import Option
from unbraid.rates.kl import KL
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import Published, models

_SOURCE = "Locatello et al. (2020), Weakly-Supervised Disentanglement Without Compromises, ICML"
_FORMULA = (
    "mean over x = x_1, x_2 of E_q~[-log p(x|z)] + beta * KL(q~(z|x) || p(z)); latents with KL(q(z_j|x_1) || q(z_j|x_2)) below "
    "(max + min) / 2 have in q~ {average}, others their own"
)
_PUBLISHED = Published(
    "Locatello et al. (2020)",
    "all",
    {
        "beta": "1, 2, 4, 6, 8, 16",
        "changed": "1 to all but one, and random",
        "lr": 1e-4,
        "batch_size": 64,
        "latent_dim": 10,
        "steps": 300_000,
    },
    "encoder and decoder locatello, --test-share 0; one factor in half of the pairs, whatever --changed",
)

_REMEDIES = {"posterior_collapse": "Lower --beta, or raise --lr."}

Beta = Annotated[float, Option("weight of the KL; 0 leaves it out", ge=0)]
Changed = Annotated[
    int | None,
    Option(
        "number of factors drawn anew in the second image of a pair, at most all but one; "
        "a random number, another for each pair, unless given",
        ge=1,
    ),
]


@models.register(
    "ada_gvae",
    formula=_FORMULA.format(average="the mean of means and of variances"),
    remedies=_REMEDIES,
    source=_SOURCE,
    published=(_PUBLISHED,),
)
def ada_gvae(beta: Beta = 1.0, changed: Changed = None) -> Recipe:
    """Ada-GVAE (Locatello): a beta-VAE of image pairs, which share the latents in which they differ least.

    The second image of a pair has a few factors drawn anew, and the others from the first; the model is not told which. In
    every pair, latents whose posteriors differ less than half-way between the most and the least similar get one averaged
    posterior, so that a factor that stays and one that changes do not fit into one latent. Batches are of pairs: a step costs
    two of the VAE's, and --batch-size, --epochs and speeds count first images. `shared` in the log is the number of latents
    that a pair shares.

    It needs a data set with factors of which two vary, and most of whose training images have another one beside them that
    differs in one factor. Both images are training images; scores need no pairs. The value drawn may be the old one.

    Here every pair has as many factors drawn anew as `--changed` says. In the paper's code a random half of the pairs has a
    single one, and values come from a generator that the seed does not reach, so that its pairs cannot be repeated. Where all
    latents of a pair differ equally none is shared here; there it is undefined. That code's networks are `--encoder locatello
    --decoder locatello`.

    >>> recipe = ada_gvae(beta=1.0, changed=1)
    >>> recipe.objective.draws, recipe.objective.averaging
    (Pairs(changed=1), 'gvae')
    """
    return Recipe(AdaVAE("gvae", (KL(beta),), Pairs(changed)))


@models.register(
    "ada_ml_vae",
    formula=_FORMULA.format(average="the mean of precisions, and of means by precision"),
    remedies=_REMEDIES,
    source=_SOURCE,
    published=(_PUBLISHED,),
)
def ada_ml_vae(beta: Beta = 1.0, changed: Changed = None) -> Recipe:
    """Ada-ML-VAE (Locatello): Ada-GVAE with precision-weighted averages.

    The shared posterior is the product of the two, with twice its variance. All else is as in `ada_gvae`, which did better in
    the paper.

    >>> ada_ml_vae().objective.averaging
    'ml_vae'
    """
    return Recipe(AdaVAE("ml_vae", (KL(beta),), Pairs(changed)))
