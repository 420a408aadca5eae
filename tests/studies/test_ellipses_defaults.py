"""The study of the first command's defaults trains what that command trains, and counts what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.study_results import keep, made_result
from unbraid.config.plan import plan
from unbraid.studies.measures import Run
from unbraid.studies.page import render, with_code
from unbraid.studies.reports import ellipses_defaults as study
from unbraid.studies.results import find
from unbraid.studies.writing import tell, to_markdown
from unbraid.sweep.resolving import resolve


def test_the_first_arm_is_the_first_command() -> None:
    first, _ = plan("beta_vae", "ellipses", {})
    own = resolve(study.DEFAULT.requests("cpu")[0])
    for name in ("model_options", "lr", "steps", "batch_size", "latent_dim", "optimizer", "encoder", "decoder", "likelihood"):
        assert own[name] == getattr(first, name), name


def run_of(*rows: list[float]) -> Run:
    """A run of which the ledger keeps shares of x, y, scale and orientation, by latent."""
    shares = {"factors": ["x", "y", "scale", "orientation"], "shares": list(rows), "active": [True] * len(rows)}
    return Run(made_result(study.DEFAULT, 0, 0.5), {"shares": shares} if rows else {})


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([[0.8, 0, 0, 0], [0, 0.7, 0, 0], [0.4, 0.3, 0.7, 0.2]], 3),
        ([[0.8, 0, 0, 0], [0, 0.7, 0, 0], [0.6, 0.3, 0.7, 0.2]], 2),  # x is in two latents
        ([[0.8, 0, 0.5, 0], [0, 0.7, 0, 0], [0.1, 0.1, 0.1, 0]], 2),  # scale is known by the latent of x alone
        ([[0.8, 0, 0, 0], [0, 0.7, 0, 0], [0, 0, 0.2, 0.9]], 2),  # scale is hardly known
    ],
)
def test_separated_by_hand(rows, value) -> None:
    assert study.SEPARATED.of(run_of(*rows)) == value


def test_separated_of_a_run_without_shares_is_no_number() -> None:
    assert np.isnan(study.SEPARATED.of(run_of()))


def test_a_page_without_yardsticks_does_not_ask_whether_runs_trained(tmp_path) -> None:
    keep(tmp_path, made_result(study.DEFAULT, 0, 0.5))
    without = replace(study.ellipses_defaults(), yardsticks=())
    results = find("ellipses-defaults", without, "cpu", [tmp_path])
    told = tell(results, "the tests")
    assert not told.trained.rows
    for text in (to_markdown(results, told), render(results, told)):
        assert "Did they train?" not in text
        assert "What made these runs" in text or "The same again" in text


def test_backticks_are_code_on_the_page_and_text_stays_escaped() -> None:
    assert with_code("`a < b` & `c`") == "<code>a &lt; b</code> &amp; <code>c</code>"
    assert with_code("one ` alone") == "one ` alone"
