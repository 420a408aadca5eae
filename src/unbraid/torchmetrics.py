"""Metrics of disentanglement as torchmetrics has them: `update` by batches, then `compute`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.errors import DataUnavailable, UsageError
from unbraid.metrics.single import require_metric, score_by

try:
    from torchmetrics import Metric
except ImportError:
    raise DataUnavailable("unbraid.torchmetrics needs the package torchmetrics: pip install 'unbraid[torchmetrics]'.") from None


class CodeMetric(Metric):
    """One metric of disentanglement, from the codes and factors of all batches since the last `reset`.

        found = MetricCollection({"mig": CodeMetric("mig"), "completeness": CodeMetric("dci.completeness")})
        for images, factors in loader:
            found.update(encoder(images), factors)
        found.compute()

    Codes and factors of all batches are kept, on the device of the metric, and those of all processes are put together; metrics
    of a collection share them. Scores need some thousand samples, so use `update`: `forward` also scores each batch by itself.

    Args:
        metric: a registered name, see `unbraid list metrics`, or a part of one: "dci.completeness".
        options: of the metric: {"definition": "locatello2019"}.
        kwargs: of `torchmetrics.Metric`.

    Raises `UnknownName` for a metric that does not exist, `DataUnavailable` where torchmetrics is not installed, and on
    `compute` `UsageError` for codes and factors that no score can be computed from.

    >>> factors = torch.arange(400).reshape(-1, 1) % 4
    >>> found = CodeMetric("mig")
    >>> for part in factors.split(100):
    ...     found.update(part.float(), part)
    ...
    >>> round(float(found.compute()), 2)
    1.0
    """

    is_differentiable = False
    full_state_update = False
    codes: Tensor | list[Tensor]  # once processes are put together, a tensor
    factors: Tensor | list[Tensor]

    def __init__(self, metric: str = "mig", options: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_metric(metric)
        self.metric, self.options = metric, dict(options or {})
        self.add_state("codes", default=[], dist_reduce_fx="cat")
        self.add_state("factors", default=[], dist_reduce_fx="cat")

    def update(self, codes: Any, factors: Any) -> None:
        """Add a batch of tensors: codes (n, latents), and whole numbers (n, factors), or (n,) for one factor.

        Raises `UsageError` for what is no such pair, and for another number of latents or factors than before.
        """
        for name, given in (("codes", codes), ("factors", factors)):
            if not isinstance(given, Tensor) or given.is_complex():
                raise UsageError(f"The {name} are a {_kind(given)}; give a tensor of real numbers, one row per sample.")
        if codes.ndim != 2 or factors.ndim not in (1, 2) or len(codes) != len(factors):
            raise UsageError(
                f"The codes have shape {tuple(codes.shape)} and the factors {tuple(factors.shape)}; allowed: (n, latents) and "
                "(n, factors)."
            )
        assert isinstance(self.codes, list)
        assert isinstance(self.factors, list)
        rows = factors.detach()[:, None] if factors.ndim == 1 else factors.detach()
        if self.codes and (self.codes[0].shape[1], self.factors[0].shape[1]) != (codes.shape[1], rows.shape[1]):
            raise UsageError(
                f"This batch has {codes.shape[1]} latents and {rows.shape[1]} factors, and the ones before it "
                f"{self.codes[0].shape[1]} and {self.factors[0].shape[1]}; call reset() before data of another kind."
            )
        self.codes.append(codes.detach().float())
        self.factors.append(rows)

    def compute(self) -> Tensor:
        """The score, a tensor without axes."""
        if not len(self.codes):
            raise UsageError("There is nothing to score; call update(codes, factors) first.")
        found = score_by(self.metric, _whole(self.codes), _whole(self.factors), self.options)
        return torch.tensor(found, device=self.device)


def _kind(given: Any) -> str:
    return f"tensor of {given.dtype}" if isinstance(given, Tensor) else type(given).__name__


def _whole(kept: Tensor | list[Tensor]) -> np.ndarray:
    """The rows of all batches."""
    rows: np.ndarray = (torch.cat(kept) if isinstance(kept, list) else kept).cpu().numpy()
    return rows
