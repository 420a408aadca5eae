"""Steps ask the device for no number, so that on a GPU they queue up without waiting for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import unbraid
from helpers.tiny import TINY
from unbraid.training.fit import Silent

SCALAR = torch.ops.aten._local_scalar_dense.default


class Questions(TorchDispatchMode):
    """Notes at which step a tensor is turned into a number of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.step = 0
        self.asked: list[int] = []

    def noting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A method of tensors that notes its calls too."""

        def noted(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(self.step)
            return original(*args, **kwargs)

        return noted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is SCALAR:
            self.asked.append(self.step)
        return func(*args, **(kwargs or {}))


class Counting(Silent):
    def __init__(self, questions: Questions) -> None:
        self.questions = questions

    def advance(self, step: int, values: Any, images_per_second: float) -> None:
        self.questions.step = step


MODELS = ("ada_gvae", "chyvae", "constrained_beta_vae", "factor_vae", "qlae", "sbd_vae", "soft_intro_tcvae")


@pytest.mark.parametrize("model", MODELS)
def test_numbers_are_asked_for_when_they_are_logged(model, tmp_path, monkeypatch) -> None:
    questions = Questions()
    for name in ("tolist", "numpy", "cpu"):  # on the CPU these ask without an operation
        monkeypatch.setattr(torch.Tensor, name, questions.noting(getattr(torch.Tensor, name)))
    options = {"steps": 10, "batch_size": 8, "latent_dim": 4, "log_every": 5, "checkpoint_every": 10}
    with questions:
        unbraid.train(model, TINY, out=tmp_path / "run", device="cpu", monitor=Counting(questions), **options)
    logged, pictured = {4, 9}, {1, 3, 5, 7, 9}
    assert set(questions.asked) <= {0} | logged | pictured, "while the model is built, and in steps that are logged or shown"
    assert logged <= set(questions.asked)
