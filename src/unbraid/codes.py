"""The code table: a data set encoded once, which is all that metrics and figures need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Integer, Real

from unbraid.data.files.npz_members import REMEDY, Member, open_npz
from unbraid.errors import CorruptFile, UsageError
from unbraid.files import whole_file
from unbraid.metrics.samples import scored_columns

PARTS = 16
"""Parts of the range of a continuous factor in heat maps, as many as the positions of the ellipses."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """Posteriors of images beside their factors, one row per image.

    Args:
        mean, variance: of q(z|x), one column per latent.
        index: which image of the data set a row is.
        is_test: whether the image was held out from training.
        nll_mean: -log p(x|z) in nats at the posterior mean; `nll_sample` at one draw from the posterior.
        kl: KL(q(z_j|x) || p(z_j)) in nats, averaged over the images; empty for a posterior that has none per latent.
        factors: codes of the factors, with `factor_names` and `factor_sizes`; no columns where there are none. A factor of size
            0 is continuous: its column holds its values, and all are floats.
        labels: class of each image; empty where there are none.
        origin: digest of what they were made from (`unbraid.evaluation.stored.Origin`); empty where that is not known.

    >>> table = unbraid.CodeTable.load("runs/beta1/codes.npz")
    >>> table.mean.shape, table.factor_names
    ((240, 3), ('x', 'y', 'scale', 'orientation'))
    """

    mean: Float32[np.ndarray, "n d"]
    variance: Float32[np.ndarray, "n d"]
    index: Int[np.ndarray, "n"]
    is_test: Bool[np.ndarray, "n"]
    nll_mean: Float32[np.ndarray, "n"]
    nll_sample: Float32[np.ndarray, "n"]
    kl: Float32[np.ndarray, "_"]
    factors: Real[np.ndarray, "n k"]
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    labels: Integer[np.ndarray, "_"]
    origin: str = ""

    def __post_init__(self) -> None:
        n = len(self.mean)
        for name in ("variance", "index", "is_test", "nll_mean", "nll_sample", "factors"):
            if len(getattr(self, name)) != n:
                raise UsageError(f"The code table has {n} rows of means but {len(getattr(self, name))} of {name}.")
        if self.variance.shape != self.mean.shape:
            raise UsageError(f"Means have shape {self.mean.shape} but variances {self.variance.shape}.")
        if len(self.factor_names) != self.factors.shape[1] or len(self.factor_sizes) != self.factors.shape[1]:
            raise UsageError(f"{self.factors.shape[1]} factor columns but {len(self.factor_names)} names.")

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def latent_dim(self) -> int:
        """Number of latents."""
        return int(self.mean.shape[1])

    @cached_property
    def has_factors(self) -> bool:
        """Whether there are factors to score against, classes of two values or more."""
        return bool(self.scored_columns)

    @cached_property
    def scored_columns(self) -> list[int]:
        """The columns of `factors` that are scored; continuous ones are not."""
        classes = [k for k, size in enumerate(self.factor_sizes) if size]
        found = scored_columns(self.factors[:, classes].astype(np.int64))
        return [classes[k] for k in found]

    @property
    def continuous(self) -> tuple[str, ...]:
        """Names of the continuous factors."""
        return tuple(name for name, size in zip(self.factor_names, self.factor_sizes, strict=True) if not size)

    def places(self, name: str) -> tuple[Int[np.ndarray, "n"], int]:
        """Where along a factor each image is, counted from 0, and how many places there are.

        They are the values of a factor that has some, and of a continuous one equal parts of the range that occurs.
        """
        k = self.factor_names.index(name)
        values, size = self.factors[:, k], self.factor_sizes[k]
        return (values.astype(np.int64), size) if size else (equal_parts(values), PARTS)

    @property
    def scored_names(self) -> tuple[str, ...]:
        """Names of the factors that are scored."""
        return tuple(self.factor_names[k] for k in self.scored_columns)

    def order(self, active: Bool[np.ndarray, "d"] | None = None) -> Int[np.ndarray, "d"]:
        """Latents, the most informative first; see `latent_order`."""
        return latent_order(self.kl, self.mean.var(0), active)

    def save(self, path: str | Path) -> None:
        """Write as .npz, whole or not at all."""
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        with whole_file(Path(path)) as temporary, temporary.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> CodeTable:
        """Read back. Raises `CorruptFile` for a file that is damaged or not a code table; never unpickles."""
        path = Path(path)
        if not path.exists():
            raise UsageError(f"There is no code table {path}; make one with `unbraid evaluate`.")
        try:
            with open_npz(path) as file:
                _require_members(file)
                arrays = {name: file[name].read() for name in _MEMBERS}
                origin = _origin(file)
            names = tuple(str(name) for name in arrays.pop("factor_names"))
            sizes = tuple(int(size) for size in arrays.pop("factor_sizes"))
            table = cls(**arrays, factor_names=names, factor_sizes=sizes, origin=origin)
            table._require_values()
        except (CorruptFile, UsageError) as error:
            problem = str(error).removesuffix(REMEDY).rstrip(" .")
            raise CorruptFile(
                f"{path} is not a code table ({problem}). It is truncated or was altered; make it anew: unbraid evaluate RUN."
            ) from None
        return table

    def _require_values(self) -> None:
        for name, rows, least in (("kl", self.kl, self.latent_dim), ("labels", self.labels, len(self))):
            if len(rows) not in (0, least):
                raise UsageError(f"{name} has {len(rows)} values; allowed: none or {least}")
        if len(self) == 0 or self.latent_dim == 0:
            raise UsageError(f"means have shape {self.mean.shape}; allowed: at least one image and one latent")
        if len(np.unique(self.index)) != len(self) or self.index.min() < 0:
            raise UsageError("index must hold every image once, counted from 0")
        if (self.factors.dtype.kind == "f") != bool(self.continuous):
            raise UsageError(f"factors are {self.factors.dtype}; allowed: floats where a factor is continuous, else integers")
        for name, size, codes in zip(self.factor_names, self.factor_sizes, self.factors.T, strict=True):
            if not size:
                if not np.isfinite(codes).all():
                    raise UsageError(f"factor {name!r} has values that are not finite")
                continue
            if (codes != np.floor(codes)).any():
                raise UsageError(f"factor {name!r} has codes that are no whole numbers")
            if size < 1 or codes.min() < 0 or codes.max() >= size:
                raise UsageError(f"factor {name!r} has codes from {codes.min()} to {codes.max()}; allowed: 0 to {size - 1}")
        if (self.variance < 0).any():
            raise UsageError("variances are below 0")


def equal_parts(values: Real[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """Which of `PARTS` equal parts of their range values lie in, counted from 0."""
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / (high - low) if high > low else np.zeros(len(values))
    return np.minimum((shares * PARTS).astype(np.int64), PARTS - 1)


def latent_order(
    kl: Float[np.ndarray, "_"], spread: Float[np.ndarray, "d"], active: Bool[np.ndarray, "d"] | None = None
) -> Int[np.ndarray, "d"]:
    """Indices of latents, the most informative first and inactive ones last.

    They are ordered by KL where all have one, else by the spread of their means.

    A collapsed posterior (beta = 0) has a KL that grows without end as its variance shrinks, whatever it encodes; where the KL
    is not finite the spread decides.

    Args:
        kl: of each latent; empty or not finite where there is none.
        spread: variance or standard deviation of each latent.
        active: whether each latent is active; all are by default.
    """
    by_kl = len(kl) == len(spread) and bool(np.isfinite(kl).all())
    dead = np.zeros(len(spread), dtype=bool) if active is None else ~active
    return np.lexsort((-(kl if by_kl else spread), dead))


def _origin(file: Mapping[str, Member]) -> str:
    if "origin" not in file:  # written by an earlier version
        return ""
    if file["origin"].shape or file["origin"].dtype.kind != "U":
        raise UsageError(f"origin is {file['origin'].dtype} of shape {file['origin'].shape}; allowed: one text")
    return str(file["origin"].read())


_WHOLE = ("i", "u")
_MEMBERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "mean": (("f4",), "nd"),
    "variance": (("f4",), "nd"),
    "index": (("i8",), "n"),
    "is_test": (("b1",), "n"),
    "nll_mean": (("f4",), "n"),
    "nll_sample": (("f4",), "n"),
    "kl": (("f4",), "_"),
    "factors": ((*_WHOLE, "f8"), "nk"),
    "factor_names": (("U",), "k"),
    "factor_sizes": (_WHOLE, "k"),
    "labels": (_WHOLE, "_"),
}
"""NumPy's types, or letters of several, of the arrays in the file, and their lengths: n images, d latents, k factors."""


def _require_members(file: Mapping[str, Member]) -> None:
    lengths: dict[str, int] = {}
    for name, (types, dims) in _MEMBERS.items():
        if name not in file:
            raise UsageError(f"it lacks {name}; it holds {', '.join(file)}")
        shape, dtype = file[name].shape, file[name].dtype
        if dims == "k" and shape == (0,):  # of nothing NumPy makes floats
            dtype = np.dtype(types[0])
        if len(shape) != len(dims) or not {dtype.kind, f"{dtype.kind}{dtype.itemsize}"} & set(types):
            raise UsageError(f"{name} is {dtype} of shape {shape}; allowed: {len(dims)} dimensions of {' or '.join(types)}")
        for dim, length in zip(dims, shape, strict=True):
            if dim != "_" and lengths.setdefault(dim, length) != length:
                raise UsageError(f"{name} has shape {shape}; allowed: {lengths[dim]} instead of {length}")
