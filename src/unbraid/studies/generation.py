"""What decoders make of codes that no image has: random vectors, and one latent moved from two images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from unbraid.reporting.view import RunView
from unbraid.studies.evidence import COLUMNS, Evidence, named, picture

SMALL, LARGE = 1.0, 3.0
"""Standard deviations of random vectors; as the figure `random_vectors` has them."""
DRAWS = 500
Decode = Callable[[Float32[np.ndarray, "n d"]], UInt8[np.ndarray, "n c h w"]]


def _random_vectors(view: RunView) -> dict[str, Any]:
    from unbraid.data.examples import example_images

    real = view.dataset.images.bytes(example_images(view.dataset, 200))
    return {
        name: {"spread": spread, **of_random_vectors(_decoder(view), view.model.latent_dim, spread, real)}
        for name, spread in (("small", SMALL), ("large", LARGE))
    }


def _decoder(view: RunView) -> Decode:
    from unbraid.figures.grids import to_bytes

    return lambda codes: to_bytes(view.model.decode(view.model.nearest_codes(codes)))


def random_codes(latents: int, spread: float) -> Float32[np.ndarray, "n d"]:
    """Codes from a normal distribution about 0, the same ones but for their scale whatever the spread."""
    return np.float32(spread) * np.random.default_rng(0).normal(size=(DRAWS, latents)).astype(np.float32)


def of_random_vectors(
    decode: Decode, latents: int, spread: float, real: UInt8[np.ndarray, "m c h w"]
) -> dict[str, float | None]:
    """The share of blank images among those decoded from random vectors, and their `fine_share`.

    Args:
        decode: gives images for codes.
        latents: how many.
        spread: standard deviation of every latent.
        real: images that the fine detail is compared with.
    """
    from unbraid.figures.images import is_blank

    made = decode(random_codes(latents, spread))
    return {"blank": float(is_blank(made).mean()), "fine": fine_share(made, real)}


def fine_share(made: UInt8[np.ndarray, "n c h w"], real: UInt8[np.ndarray, "m c h w"]) -> float | None:
    """Power of waves of 4 pixels or shorter in images, divided by that in others.

    None where those have none.
    """
    from unbraid.figures.power_spectra import spectrum

    wanted = spectrum(real).fine
    return spectrum(made).fine / wanted if wanted else None


RANDOM_VECTORS = Evidence("random_vectors", _random_vectors)
"""Of images decoded from random vectors of small and large spread: the share that is blank, and their fine detail."""


def _random_pictures(view: RunView) -> dict[str, Any] | None:
    if not view.dataset.redistributable:
        return None
    decode = _decoder(view)
    return picture([decode(random_codes(view.model.latent_dim, spread)[:COLUMNS]) for spread in (SMALL, LARGE)])


RANDOM_PICTURES = Evidence("random_pictures", _random_pictures, first_seed_only=True)
"""The first of these images; small spread above, large below."""


def _two_traversals(view: RunView, latents: Sequence[int]) -> list[UInt8[np.ndarray, "latent value c h w"]]:
    """Latents moved over their ranges, from the codes of the first two example images."""
    from unbraid.data.examples import example_images
    from unbraid.reporting.traversals import along, code_of, values_of

    values = values_of(view, COLUMNS)
    return [
        along(view, code_of(view, "posterior", int(image))[0], values, latents) for image in example_images(view.dataset, 2)
    ]


def _traversal_blanks(view: RunView) -> float:
    from unbraid.figures.images import is_blank

    rows = np.concatenate(_two_traversals(view, range(view.model.latent_dim)))
    return float(is_blank(rows.reshape(-1, *rows.shape[2:])).mean())


TRAVERSAL_BLANKS = Evidence("traversal_blanks", _traversal_blanks)
"""Share of blank images among those that moving each latent over its range makes of two images."""


def _paired_traversal(view: RunView) -> dict[str, Any] | None:
    if not view.dataset.redistributable:
        return None
    chosen = view.latents[0]
    first, second = _two_traversals(view, [chosen.index])
    return {**picture([first[0], second[0]]), "labels": named([chosen])}


PAIRED_TRAVERSAL = Evidence("paired_traversal", _paired_traversal, first_seed_only=True)
"""The most informative latent, moved over its range from two images, one below the other."""
