"""Whether runs are stuck or have diverged, by the mean image: a reconstruction that needs no code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import unbraid
from helpers.study_results import keep, made_result
from unbraid.api import view_of
from unbraid.files import read_json, write_json
from unbraid.reporting.view import RunView
from unbraid.studies.declaration import Arm, Claim, Length, Study, Yardstick
from unbraid.studies.evidence import MEAN_IMAGE
from unbraid.studies.measures import GAIN, STUCK, Run, score
from unbraid.studies.results import evidence_path, find
from unbraid.studies.rules import Better
from unbraid.studies.verdicts import decide

ARMS = {name: Arm(name, "vae", "ellipses", {"batch_size": 64, "lr": lr}, {"cpu": Length(6_400, 3)})
        for lr, name in enumerate(("trained", "collapsed", "stuck", "diverged"), 1)}  # fmt: skip


@pytest.fixture
def view(tmp_path: Path) -> Callable[..., RunView]:
    def trained(data: str, **options: Any) -> RunView:
        unbraid.train("vae", data, out=tmp_path / "run", device="cpu", steps=2, batch_size=8, **options)
        unbraid.evaluate(tmp_path / "run", limit=300, device="cpu")
        return view_of(tmp_path / "run", device="cpu")

    return trained


def pixels(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """The training images' mean, and the held-out images that were scored."""
    images = view.dataset.images
    mean = images.floats(view.dataset.train[:20_000]).astype(np.float64).mean(0)
    return mean, images.floats(view.table.index[view.table.is_test]).astype(np.float64)


def test_bernoulli_pixels_have_the_cross_entropy_of_their_means(view: Callable[..., RunView]) -> None:
    own = view("dsprites_reduced")
    mean, images = pixels(own)
    p = np.clip(mean, 1e-6, 1 - 1e-6)
    expected = -(images * np.log(p) + (1 - images) * np.log(1 - p)).sum((1, 2, 3)).mean()
    assert MEAN_IMAGE.make(own)["energy"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "variance"),
    [({"likelihood": "gaussian", "sigma": 0.3}, 0.09), ({"likelihood": "gaussian", "sigma": 0.3, "squash": "none"}, 0.09),
     ({"likelihood": "gaussian_learned", "sigma_start": 0.2}, None)],
)  # fmt: skip
def test_normal_pixels_have_their_squared_error(
    view: Callable[..., RunView], options: dict[str, Any], variance: float | None
) -> None:
    own = view("dsprites_reduced", **options)
    mean, images = pixels(own)
    variance = variance or float(own.model.vae.likelihood.scale.detach()) ** 2
    expected = ((images - mean) ** 2).sum((1, 2, 3)).mean() / (2 * variance)
    assert MEAN_IMAGE.make(own)["energy"] == pytest.approx(expected, rel=1e-5)


def test_the_constant_of_a_likelihood_does_not_count() -> None:
    made = made_result(ARMS["trained"], 0, 0.1)
    test = {**made.losses["test"], "nll": -470.0, "nll_constant": -500.0}
    run = Run(msgspec.structs.replace(made, losses={"test": test}), {"mean_image": {"energy": 120.0}})
    assert GAIN.of(run) == pytest.approx(0.75)
    assert np.isnan(GAIN.of(Run(made)))


def test_stuck_and_diverged_runs_are_undertrained_and_collapsed_ones_are_not(tmp_path: Path) -> None:
    gains = {"trained": 0.8, "collapsed": -0.01, "stuck": -0.14, "diverged": -12.0}
    for name, gain in gains.items():
        for seed in range(3):
            made = made_result(ARMS[name], seed, 0.1 * (1 + (name == "trained")) + 0.001 * seed, nll=100 * (1 - gain))
            keep(tmp_path, made)
            path = evidence_path(tmp_path, made.key)
            write_json(path, {**read_json(path, "evidence"), "mean_image": {"energy": 100.0}})
    claims = [Claim(name, "I", Better(ARMS["trained"], ARMS[name], score("mig"), 0.05)) for name in gains if name != "trained"]
    study = Study("?", tuple(ARMS.values()), claims, (), yardsticks=(Yardstick(GAIN, at_least=STUCK),))
    decided = decide(find("mine", study, "cpu", [tmp_path]))
    assert [one.verdict.outcome for one in decided] == ["confirmed", "undertrained", "undertrained"]
    assert decided[1].verdict.untrained == "Gain over the mean image is not at least −0.05: −0.14 of stuck"
