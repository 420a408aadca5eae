"""What names of arrays, columns and outputs say of latents: means, draws, and how wide posteriors are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float64

Numbers = Float64[np.ndarray, "..."]
Spread = Callable[[Numbers], Numbers]
"""Makes variances of what a posterior's width is given as."""

MEANS = frozenset({"mean", "means", "mu", "loc"})
CODES = frozenset({*MEANS, "", "z", "code", "codes", "latent", "latents"})
_OWNER = re.compile(r"^(z|q|latent|posterior)(?=.)")


def _same(values: Numbers) -> Numbers:
    return values


def _of_deviation(values: Numbers) -> Numbers:
    return values * np.abs(values)  # below 0 where that is, so that it is refused


def _of_log(values: Numbers) -> Numbers:
    with np.errstate(over="ignore"):  # what is too large is refused as infinite
        return np.exp(values)


def _of_log_deviation(values: Numbers) -> Numbers:
    return _of_log(2 * values)


SPREADS: Mapping[str, Spread] = {
    **dict.fromkeys(("variance", "variances", "var"), _same),
    **dict.fromkeys(("logvariance", "logvar"), _of_log),
    **dict.fromkeys(("std", "stddev", "sigma"), _of_deviation),
    **dict.fromkeys(("logstd", "logsigma"), _of_log_deviation),
}
"""By the letters and digits of the name, so that log_var and logVar are the same; `sigma2` is none of them."""


def plain(name: str) -> str:
    """A name in small letters and digits, without path and owner: "Z_log_var" is logvar."""
    letters = re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2].lower())
    return letters if letters in CODES else _OWNER.sub("", letters)


def numbered(name: str) -> tuple[str, int] | None:
    """The plain name and the number of the column of a latent, as in "mean_3"; None for other columns."""
    found = re.fullmatch(r"(.*?)[_.\- ]?(\d{1,6})", name)
    stem = plain(found[1]) if found else ""
    return (stem, int(found[2])) if found and (stem in CODES or stem in SPREADS) else None
