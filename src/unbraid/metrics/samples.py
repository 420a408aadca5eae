"""What metrics are computed from: codes beside factors, checked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast, get_args, get_origin, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.information.histogram import check_codes

LARGEST = 200
"""Codes beyond 2 to this power are scaled down to it, latent by latent, so that sums of their squares are finite."""
MOST_DISTINCT = 20
"""A factor with more values than this, and fewer than two samples for each, is a quantity or a name and not a class."""
CONTINUOUS = "is continuous"
"""The reason to leave out a factor that has no classes."""
T = TypeVar("T")


@runtime_checkable
class ArrayLike(Protocol):
    """What NumPy makes an array of: its own arrays, tensors, data frames."""

    def __array__(self) -> Any: ...


Array = ArrayLike | Sequence[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """Codes of samples beside their factors.

    Made by `gather`. Every metric takes it in place of codes and factors.

    Metrics that are given one object share what they compute of it. Its arrays must not be changed.

    Args:
        codes: latents, or posterior means; one row per sample.
        factors: whole numbers, one class per value.
        variance: posterior variances beside the means, where they are known.
        factor_names: names of the columns of `factors`.
        left_out: factors that were given and are not scored, with the reason.
        given_names: names of all factors that were given, in their order; empty where all are scored.
        whole: the samples that these are a part of, where what they know is judged by those; see `part`.
        quantities: values of continuous factors, which are not scored, with their `quantity_names`.
    """

    codes: Float64[np.ndarray, "n d"]
    factors: Int64[np.ndarray, "n k"]
    variance: Float64[np.ndarray, "n d"] | None = None
    factor_names: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    given_names: tuple[str, ...] = ()
    whole: Samples | None = field(default=None, repr=False)
    quantities: Float64[np.ndarray, "n q"] | None = None
    quantity_names: tuple[str, ...] = ()
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned when the key was first asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def by_factor(self, scores: Sequence[float] | Float64[np.ndarray, "k"]) -> dict[str, float]:
        """Scores under the names of the factors."""
        return {name: float(score) for name, score in zip(self.factor_names, scores, strict=True)}

    def of_all_factors(self, table: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d g"]:
        """The columns of the factors that are scored in the places of all that were given, NaN for the others."""
        if not self.given_names:
            return table
        found = np.full((len(table), len(self.given_names)), np.nan)
        found[:, [self.given_names.index(name) for name in self.factor_names]] = table
        return found

    def rows(self, index: Integer[np.ndarray, "_"]) -> Samples:
        """Some of the samples."""
        return replace(
            self,
            codes=self.codes[index],
            factors=self.factors[index],
            variance=None if self.variance is None else self.variance[index],
            quantities=None if self.quantities is None else self.quantities[index],
            whole=None,
            _kept={},
        )

    def part(self, index: Integer[np.ndarray, "_"]) -> Samples:
        """Some of the samples in place of all: which latents know anything is judged by all of them."""
        return replace(self.rows(index), whole=self)

    def latents(self, index: Integer[np.ndarray, "_"]) -> Samples:
        """Some of the latents, kept for the next time they are asked for."""

        def taken() -> Samples:
            return self.with_codes(self.codes[:, index], None if self.variance is None else self.variance[:, index])

        return self.keep(("latents", *map(int, index)), taken)

    def with_codes(self, codes: Float64[np.ndarray, "n c"], variance: Float64[np.ndarray, "n c"] | None = None) -> Samples:
        """The same factors beside other codes."""
        return replace(self, codes=codes, variance=variance, whole=None, _kept={})


Codes = Array | Samples | None
Factors = Array | None


def gather(
    codes: Codes,
    factors: Factors,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    factor_names: Sequence[str] | None = None,
    only_classes: bool = False,
    continuous: Sequence[str] = (),
) -> Samples:
    """Check arrays and put them together; `Samples` pass as they are.

    Codes are the posterior means where `variance` is given, and `mean` is another name for them. Arrays may be lists, tensors
    on any device or data frames; factors may be booleans, and whole numbers of any type. A factor with a single value tells
    nothing and is left out of every score; `Samples.left_out` names it.

    Args:
        only_classes: leave out factors with a value for nearly each sample too, instead of refusing them.
        continuous: names of factors that are continuous. They are left out of scores, which compare samples that share a value;
            `Samples.quantities` has them.

    Raises `UsageError` for arrays that no score can be computed from.
    """
    if isinstance(codes, Samples):
        if any(given is not None for given in (factors, mean, variance, factor_names)):
            raise UsageError("Samples hold codes, factors and names; give nothing beside them.")
        return codes
    given = mean if codes is None else codes
    if given is None or (codes is not None and mean is not None):
        raise UsageError("Give either codes or mean: the latents of each sample, one row per sample.")
    if factors is None:
        raise UsageError("Give factors: whole numbers, one row per sample.")
    values, known = _numbers(given, "codes"), _numbers(factors, "factors")
    lines = _continuous(known, factor_names, continuous)
    classes = _classes(np.delete(known, lines, axis=1) if lines else known)
    check_codes(values, classes)
    spread = None if variance is None else _numbers(variance, "variance")
    if spread is not None:
        _check_variance(values, spread)
    all_names = tuple(str(k) for k in range(known.shape[1])) if factor_names is None else tuple(map(str, factor_names))
    if len(all_names) != known.shape[1] or len(set(all_names)) != len(all_names):
        raise UsageError(
            f"{len(all_names)} factor names ({', '.join(all_names)}) for {known.shape[1]} factors; each needs its own."
        )
    names = tuple(name for k, name in enumerate(all_names) if k not in lines)
    left_out = {all_names[k]: CONTINUOUS for k in lines} | _not_scored(classes, names, only_classes)
    scored = np.array([name not in left_out for name in names])
    if not scored.any():
        told = "; ".join(f"factor {name!r} {reason}" for name, reason in left_out.items())
        raise UsageError(f"No factor is left to score: {told}. Give a factor with two values or more.")
    bounded, variances = _within_bounds(
        values.astype(np.float64), None if spread is None else np.asarray(spread.astype(np.float64))
    )
    kept = tuple(name for name in names if name not in left_out)
    return Samples(
        bounded,
        classes[:, scored].astype(np.int64),
        variances,
        kept,
        left_out,
        given_names=all_names if left_out else (),
        quantities=known[:, lines].astype(np.float64) if lines else None,
        quantity_names=tuple(all_names[k] for k in lines),
    )


def _continuous(factors: Shaped[np.ndarray, "..."], names: Sequence[str] | None, continuous: Sequence[str]) -> list[int]:
    """Columns of the continuous factors.

    Raises `UsageError` where there are no others, and for values that are not finite.
    """
    if not continuous:
        return []
    known = [] if names is None else list(map(str, names))
    strangers = [name for name in continuous if name not in known]
    if strangers or factors.ndim != 2 or factors.shape[1] != len(known):
        raise UsageError(
            f"Continuous factors {', '.join(continuous)}; give a table of factors with names for its columns, those among them."
        )
    columns = [known.index(name) for name in continuous]
    if len(columns) == len(known):
        raise UsageError(
            f"All factors ({', '.join(known)}) are continuous, and scores compare samples that share a value of a factor. Give "
            "a factor with classes, or group values: np.digitize(column, np.quantile(column, np.arange(0.1, 1, 0.1)))."
        )
    if not np.isfinite(factors[:, columns].astype(np.float64)).all():
        raise UsageError(f"Continuous factors {', '.join(continuous)} have values that are not finite.")
    return columns


def require_choice(option: str, value: object, annotation: Any) -> None:
    """Raise `UsageError` for a value that the annotation's `Literal` does not allow.

    None is allowed where the annotation has it.
    """
    allowed = _choices(annotation)
    if not (value is None and type(None) in allowed) and value not in allowed:
        raise UsageError(f"{option} is {value!r}; allowed: {', '.join(str(one) for one in allowed if one is not type(None))}.")


def _choices(annotation: Any) -> list[Any]:
    from typing import Annotated, Literal

    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    inner = get_args(annotation)
    return [choice for one in inner for choice in _choices(one)] if inner else [annotation]


def _numbers(given: Array, name: str) -> Shaped[np.ndarray, "..."]:
    """An array of what was given; tensors come from their device, and booleans count as 0 and 1."""
    if hasattr(given, "detach"):
        tensor = given.detach().cpu()
        given = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    try:
        array = np.asarray(given)
    except ValueError:
        raise UsageError(f"{name} must be a table of numbers, whose rows have one length.") from None
    return array.astype(np.int64) if array.dtype == bool else array


def _classes(factors: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Whole numbers of any type as integers; raises `UsageError` for other numbers, with what to do."""
    if not np.issubdtype(factors.dtype, np.floating) or factors.ndim != 2:
        return factors
    bad = np.argwhere(~(np.isfinite(factors) & (factors == np.round(factors)) & (np.abs(factors) < 2.0**62)))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(
            f"factors must be whole numbers, one class per value; factors[{row}, {column}] is {factors[row, column]:g}. Number "
            "the values of a column by np.unique(column, return_inverse=True)[1], or group those of a continuous one first: "
            "np.digitize(column, np.quantile(column, np.arange(0.1, 1, 0.1)))."
        )
    return factors.astype(np.int64)


def _not_scored(factors: Shaped[np.ndarray, "n k"], names: Sequence[str], only_classes: bool) -> dict[str, str]:
    """Factors to leave out, with the reasons.

    Raises `UsageError` for those that are no classes, unless they are left out.
    """
    n, found = len(factors), {}
    for name, column in zip(names, factors.T, strict=True):
        distinct = len(np.unique(column))
        if distinct == 1:
            found[name] = "has a single value"
        elif distinct > max(n / 2, MOST_DISTINCT):
            found[name] = f"has {distinct:,} values in {n:,} samples"
            if not only_classes:
                turned = factors.shape[1] > n or factors.shape[1] > 100
                raise UsageError(
                    f"Factor {name!r} has {distinct:,} different values in {n:,} samples: hardly any value occurs twice, and "
                    "scores compare samples that share one. "
                    + ("If rows and columns are turned, give one row per sample. " if turned else "")
                    + "Group a continuous quantity into classes, for example ten: np.digitize(values, np.quantile(values, "
                    "np.arange(0.1, 1, 0.1))). Leave out numbers and names of samples."
                )
    return found


def scored_columns(factors: Bool[np.ndarray, "..."] | Integer[np.ndarray, "n k"]) -> list[int]:
    """The columns of factors that scores can be computed of: classes of two values or more."""
    left_out = _not_scored(factors, [str(k) for k in range(factors.shape[1])], only_classes=True)
    return [k for k in range(factors.shape[1]) if str(k) not in left_out]


def _within_bounds(
    codes: Float64[np.ndarray, "n d"], variance: Float64[np.ndarray, "n d"] | None
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"] | None]:
    excess = np.maximum(np.frexp(np.abs(codes).max(0))[1] - LARGEST, 0)
    if not excess.any():
        return codes, variance
    spread = None if variance is None else np.maximum(np.ldexp(variance, -2 * excess), 2.0 ** (-2 * LARGEST))
    return np.ldexp(codes, -excess), spread


def _check_variance(mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]) -> None:
    if variance.shape != mean.shape:
        raise UsageError(f"variance has shape {variance.shape} and the means {mean.shape}; both are (samples, latents).")
    if not np.issubdtype(variance.dtype, np.floating):
        raise UsageError(f"variance must be real numbers, given {variance.dtype}.")
    bad = np.argwhere(~(np.isfinite(variance) & (variance > 0)))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(f"variance[{row}, {column}] is {variance[row, column]}; variances must be finite and above 0.")
