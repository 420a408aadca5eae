"""What metrics are computed from: codes beside factors, checked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, cast, get_args, get_origin, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.information.histogram import check_codes
from unbraid.metrics.splitting import standardized

LARGEST = 200
"""Codes beyond 2 to this power are scaled down to it, latent by latent, so that sums of their squares are finite."""
MOST_DISTINCT = 20
"""A factor with more values than this, and fewer than two samples for each, is a quantity or a name and not a class."""
SINGLE = "has a single value"
"""The reason to leave out a factor that tells nothing."""
INSTEAD = "The metrics mig, mcc and r2 read continuous factors."
"""What to do where a metric reads none."""
QUANTILES, LEAST_IN_QUANTILE = 20, 100
"""Continuous factors are cut into so many parts that hold equally many samples, and into fewer where parts would have less."""
CIRCLE_STEP = 1e-9
"""Share of a circle that angles are rounded to: trees choose between equally good splits by the last digits of a target."""
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
        quantities: values of continuous factors, with their `quantity_names`; of cyclic ones from a place that the samples
            choose (`from_widest_gap`), so that turning a circle changes no score.
        periods: of the quantities; 0 for those that are not cyclic.

    >>> factors = [[0, 7], [1, 7], [0, 8], [1, 8]]
    >>> samples = unbraid.metrics.gather(np.eye(4), factors, factor_names=["x", "y"])
    >>> samples.codes.shape, samples.factor_names  # every metric takes them in place of arrays
    ((4, 4), ('x', 'y'))
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
    periods: tuple[float, ...] = ()
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned when the key was first asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all factors that are scored: of those that are classes, and then of the continuous ones."""
        return (*self.factor_names, *self.quantity_names)

    @property
    def ordered_names(self) -> tuple[str, ...]:
        """The same in the order in which they were given."""
        return tuple(name for name in self.given_names if name in self.names) if self.given_names else self.names

    def by_factor(self, scores: Sequence[float] | Float64[np.ndarray, "k"]) -> dict[str, float]:
        """Scores under the names of the factors: of all, as `names`, or of those that are classes."""
        names = self.names if len(scores) == len(self.names) else self.factor_names
        found = {name: float(score) for name, score in zip(names, scores, strict=True)}
        return {name: found[name] for name in self.ordered_names if name in found}

    def of_all_factors(self, table: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d g"]:
        """The columns of the factors that are scored in the places of all that were given, NaN for the others."""
        if not self.given_names:
            return table
        found = np.full((len(table), len(self.given_names)), np.nan)
        names = self.names if table.shape[1] == len(self.names) else self.factor_names
        found[:, [self.given_names.index(name) for name in names]] = table
        return found

    def of_classes(self, what: str, instead: str) -> Samples:
        """The same without continuous factors, for scores that have no meaning for them.

        Raises `UsageError` where there are no others.

        Args:
            what: that has none, as in "The beta-VAE score".
            instead: what to do.
        """
        if not self.quantity_names:
            return self
        if not self.factor_names:
            raise UsageError(
                f"{what} compares samples that share a value of a factor, and {', '.join(self.quantity_names)} "
                f"{'is' if len(self.quantity_names) == 1 else 'are'} continuous. {instead}"
            )

        def made() -> Samples:
            whole = None if self.whole is None else self.whole.of_classes(what, instead)
            return replace(self, quantities=None, quantity_names=(), periods=(), whole=whole, _kept={})

        return self.keep("of_classes", made)

    def cut(self) -> Samples:
        """The same with continuous factors as classes.

        These are parts of their range that hold equally many samples (`quantiles`).
        """
        if self.quantities is None:
            return self
        values = self.quantities

        def made() -> Samples:
            parts = np.stack([quantiles(column) for column in values.T], axis=1)
            return replace(
                self,
                factors=np.hstack([self.factors, parts]),
                factor_names=self.names,
                quantities=None,
                quantity_names=(),
                periods=(),
                whole=None if self.whole is None else self.whole.cut(),
                _kept={},
            )

        return self.keep("cut", made)

    def perfect(self) -> Samples:
        """The same factors beside codes that are the factors."""
        values = [self.factors.astype(np.float64), *([] if self.quantities is None else [self.quantities])]
        return self.with_codes(np.hstack(values))

    def features(self, k: int) -> Float64[np.ndarray, "n f"]:
        """What regressions read of continuous factor k: standardized values, or its cosine and sine."""
        assert self.quantities is not None
        column, period = self.quantities[:, k], self.periods[k]
        if not period:
            return standardized(column[:, None], column[:, None])[0]
        angle = 2 * np.pi * column / period
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

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
    cyclic: Mapping[str, float] | None = None,
) -> Samples:
    """Check arrays and put them together; `Samples` pass as they are.

    Codes are the posterior means where `variance` is given, and `mean` is another name for them. Arrays may be lists, tensors
    on any device or data frames, whose columns then name the factors; factors may be booleans, and whole numbers of any type. A
    column of fractions of which hardly any occurs twice is a continuous factor. A factor with a single value tells nothing and
    is left out of every score; `Samples.left_out` names it.

    Args:
        only_classes: leave out factors with a value for nearly each sample too, instead of refusing them.
        continuous: names of other factors that are continuous, or "0", "1" and so on where they have no names.
        cyclic: names of continuous factors that are angles and the like, with their periods, as in {"angle": 360.0}.

    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = [[0, 7, 1], [1, 7, 0], [0, 7, 0], [1, 7, 1]]
    >>> samples = unbraid.metrics.gather(np.eye(4), factors, factor_names=["x", "seven", "y"])
    >>> samples.names, samples.left_out
    (('x', 'y'), {'seven': 'has a single value'})
    """
    if isinstance(codes, Samples):
        if any(given is not None for given in (factors, mean, variance, factor_names)) or continuous or cyclic:
            raise UsageError("Samples hold codes, factors and names; give nothing beside them.")
        return codes
    given = mean if codes is None else codes
    if given is None or (codes is not None and mean is not None):
        raise UsageError("Give either codes or mean: the latents of each sample, one row per sample.")
    if factors is None:
        raise UsageError("Give factors, one row per sample.")
    values, known = _numbers(given, "codes"), _numbers(factors, "factors")
    for option, several in (("factor_names", factor_names), ("continuous", continuous)):
        if isinstance(several, str):
            raise UsageError(f"{option} is {several!r}; give a list of names: [{several!r}].")
    if not isinstance(cyclic, Mapping | None):
        raise UsageError(f"cyclic is {cyclic!r}; give names with their periods, as in {{'angle': 360.0}}.")
    columns = getattr(factors, "columns", None)
    named = factor_names if factor_names is not None or columns is None else [str(name) for name in columns]
    names = _names(known, named)
    lines, periods = _continuous(known, names, continuous, cyclic or {})
    kept = [k for k in range(len(names)) if k not in lines]
    classes = _classes(known[:, kept] if lines else known)
    check_codes(values, classes if kept or not lines else np.zeros((len(known), 1), dtype=np.int64))
    spread = None if variance is None else _numbers(variance, "variance")
    if spread is not None:
        _check_variance(values, spread)
    left_out = _not_scored(classes, [names[k] for k in kept], only_classes) if kept else {}
    quantities = known[:, lines].astype(np.float64) if lines else np.zeros((len(known), 0))
    for k, period in enumerate(periods):
        if period:
            quantities[:, k] = from_widest_gap(quantities[:, k], period)
    left_out |= {names[k]: SINGLE for k, column in zip(lines, quantities.T, strict=True) if np.ptp(column) == 0}
    if len(left_out) == len(names):
        told = "; ".join(f"factor {name!r} {reason}" for name, reason in left_out.items())
        raise UsageError(f"No factor is left to score: {told}. Give a factor with two values or more.")
    bounded, variances = _within_bounds(
        values.astype(np.float64), None if spread is None else np.asarray(spread.astype(np.float64))
    )
    scored = np.array([names[k] not in left_out for k in kept], dtype=bool)
    read = np.array([names[k] not in left_out for k in lines], dtype=bool)
    return Samples(
        bounded,
        classes[:, scored].astype(np.int64) if kept else np.zeros((len(known), 0), dtype=np.int64),
        variances,
        tuple(names[k] for k in kept if names[k] not in left_out),
        left_out,
        given_names=names if left_out or lines else (),
        quantities=quantities[:, read] if read.any() else None,
        quantity_names=tuple(names[k] for k in lines if names[k] not in left_out),
        periods=tuple(period for period, one in zip(periods, read, strict=True) if one),
    )


def _names(factors: Shaped[np.ndarray, "..."], given: Sequence[str] | None) -> tuple[str, ...]:
    """A name for each column."""
    count = factors.shape[1] if factors.ndim == 2 else 0
    if given is None:
        return tuple(str(k) for k in range(count))
    names = tuple(map(str, given))
    if factors.ndim == 2 and (len(names) != count or len(set(names)) != len(names)):
        raise UsageError(f"{len(names)} factor names ({', '.join(names)}) for {count} factors; each needs its own.")
    return names


def _continuous(
    factors: Shaped[np.ndarray, "..."], names: Sequence[str], continuous: Sequence[str], cyclic: Mapping[str, float]
) -> tuple[list[int], list[float]]:
    """Columns of the continuous factors, and their periods.

    They are those named, and all of fractions that hardly occur twice.
    Raises `UsageError` for names that are not there, values that are not finite and periods that are none.
    """
    strangers = [name for name in (*continuous, *cyclic) if name not in names]
    if strangers:
        raise UsageError(f"Continuous factors {', '.join(strangers)}; there are only {', '.join(names)}.")
    bad = [name for name, period in cyclic.items() if not 0 < period < np.inf]
    if bad:
        raise UsageError(f"The period of {bad[0]} is {cyclic[bad[0]]}; give how far it goes once around, as in 360.0.")
    if factors.ndim != 2 or factors.dtype.kind not in "iuf":
        return [], []
    named = {*continuous, *cyclic}
    lines = [k for k, name in enumerate(names) if name in named or is_continuous(factors[:, k])]
    for k in lines:
        wrong = np.flatnonzero(~np.isfinite(factors[:, k].astype(np.float64)))
        if len(wrong):
            raise UsageError(f"factors[{wrong[0]}, {k}] is {factors[wrong[0], k]}; give finite numbers.")
    return lines, [float(cyclic.get(names[k], 0.0)) for k in lines]


def is_continuous(column: Shaped[np.ndarray, "n"]) -> bool:
    """Whether numbers are taken for a continuous factor: fractions of which hardly any occurs twice."""
    if column.dtype.kind != "f" or not np.isfinite(column).all() or (column == np.floor(column)).all():
        return False
    return len(np.unique(column)) > max(len(column) / 2, MOST_DISTINCT)


def quantiles(values: Float64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Which part of their range values lie in, counted from 0.

    Parts hold equally many; equal values share one.
    """
    parts = max(2, min(QUANTILES, len(values) // LEAST_IN_QUANTILE))
    edges = np.quantile(values, np.arange(1, parts) / parts)
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def from_widest_gap(values: Float64[np.ndarray, "n"], period: float) -> Float64[np.ndarray, "n"]:
    """How far around a circle values lie from the first one beyond the widest gap between them.

    That is from 0 to its period. Where a circle is cut open decides what codes and classes made of its values score; where it
    was numbered from must not. Of several gaps that are equally wide, as between evenly spaced values, it is the one before the
    sample that comes first. Values are rounded to a billionth of the circle.
    """
    places = np.mod(values, period)
    ordered = np.unique(places)
    gaps = ordered - np.append(ordered[-1] - period, ordered[:-1])
    widest = ordered[gaps >= gaps.max() - CIRCLE_STEP * period]
    start = places[np.isin(places, widest).argmax()]
    return np.round(np.mod(places - start, period) / period / CIRCLE_STEP) * CIRCLE_STEP * period


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
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise UsageError(f"{name} has masked values, and scores would count them; leave these rows out, or fill them.")
    try:
        array = np.asarray(given)
    except ValueError:
        raise UsageError(f"{name} must be a table of numbers, whose rows have one length.") from None
    if array.ndim == 0:
        raise UsageError(f"{name} is a {type(given).__name__}; give an array, a tensor or a data frame, one row per sample.")
    return array.astype(np.int64) if array.dtype == bool else array


def _classes(factors: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Whole numbers of any type as integers; raises `UsageError` for other numbers, with what to do."""
    if not np.issubdtype(factors.dtype, np.floating) or factors.ndim != 2:
        return factors
    missing = np.argwhere(~np.isfinite(factors))
    if len(missing):
        row, column = (int(place) for place in missing[0])
        raise UsageError(f"factors[{row}, {column}] is {factors[row, column]:g}; give finite numbers, or leave such rows out.")
    bad = np.argwhere((factors != np.round(factors)) | (np.abs(factors) >= 2.0**62))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(
            f"factors must be whole numbers, one class per value, or continuous; factors[{row}, {column}] is "
            f"{factors[row, column]:g}. Number the values of a column by np.unique(column, return_inverse=True)[1], or name a "
            "continuous one: gather(..., continuous=[name])."
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
            found[name] = SINGLE
        elif distinct > max(n / 2, MOST_DISTINCT):
            found[name] = f"has {distinct:,} values in {n:,} samples"
            if not only_classes:
                turned = factors.shape[1] > n or factors.shape[1] > 100
                raise UsageError(
                    f"Factor {name!r} has {distinct:,} different values in {n:,} samples: hardly any value occurs twice, and "
                    "scores compare samples that share one. "
                    + ("If rows and columns are turned, give one row per sample. " if turned else "")
                    + "Name continuous ones: gather(..., continuous=[name]). Leave out numbers and names of samples."
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
