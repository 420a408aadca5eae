"""The code table: a data set encoded once, which is all that metrics and figures need."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int, Integer

from unbraid.errors import CorruptFile, UsageError
from unbraid.files import whole_file


@dataclass(frozen=True, eq=False)
class CodeTable:
    """Posteriors of images beside their factors; one row an image.

    Args:
        mean, variance: of q(z|x), one column a latent.
        index: which image of the data set a row is.
        is_test: whether the image was held out from training.
        nll_mean: -log p(x|z) in nats at the posterior mean; `nll_sample` at one draw from the posterior.
        kl: KL(q(z_j|x) || p(z_j)) in nats, averaged over the images; empty for a posterior that has none per latent.
        factors: codes of the factors, with `factor_names` and `factor_sizes`; no columns where there are none.
        labels: class of each image; empty where there are none.
    """

    mean: Float32[np.ndarray, "n d"]
    variance: Float32[np.ndarray, "n d"]
    index: Int[np.ndarray, "n"]
    is_test: Bool[np.ndarray, "n"]
    nll_mean: Float32[np.ndarray, "n"]
    nll_sample: Float32[np.ndarray, "n"]
    kl: Float32[np.ndarray, "_"]
    factors: Integer[np.ndarray, "n k"]
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    labels: Integer[np.ndarray, "_"]

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

    @property
    def has_factors(self) -> bool:
        """Whether there are factors to score against."""
        return self.factors.shape[1] > 0

    def order(self) -> Int[np.ndarray, "d"]:
        """Latents, the most informative first: by KL where there is one, else by the variance of their means.

        A collapsed posterior (beta = 0) has a KL that grows without end as its variance shrinks, whatever it encodes; where
        the KL is not finite the variance decides.
        """
        by_kl = len(self.kl) == self.latent_dim and bool(np.isfinite(self.kl).all())
        key = self.kl if by_kl else self.mean.var(0)
        return np.argsort(-key, kind="stable")

    def save(self, path: Path) -> None:
        """Write as .npz, whole or not at all."""
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        with whole_file(path) as temporary, temporary.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> CodeTable:
        """Read back. Raises `CorruptFile` for a file that is damaged or not a code table; never unpickles."""
        try:
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                arrays = {f.name: file[f.name] for f in fields(cls)}
        except FileNotFoundError:
            raise UsageError(f"There is no code table {path}; make one with `unbraid evaluate`.") from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise CorruptFile(f"{path} is not a code table ({error}). It is truncated or was altered.") from None
        names = tuple(str(name) for name in arrays.pop("factor_names"))
        sizes = tuple(int(size) for size in arrays.pop("factor_sizes"))
        return cls(**arrays, factor_names=names, factor_sizes=sizes)
