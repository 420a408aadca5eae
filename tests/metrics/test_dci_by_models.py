"""DCI by several models side by side."""

from __future__ import annotations

import re

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics import dci, dci_by_models
from unbraid.metrics.dci_by_models import disagreement


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [2, 3, 4], size=(300, 3))
    return factors @ rng.normal(size=(3, 4)) + 0.5 * rng.normal(size=(300, 4)), factors


@pytest.fixture(scope="module")
def found(known):
    return dci_by_models(*known, models=["forest", "lasso", "logistic"], factor_names=["shape", "size", "x"])


@pytest.mark.parametrize("model", ["forest", "lasso", "logistic"])
def test_each_model_scores_as_by_itself(known, found, model):
    assert found.scores[model] == dci(*known, importance=model, factor_names=["shape", "size", "x"])


def test_spread_is_largest_less_smallest(found):
    for part, spread in found.spread.items():
        scores = sorted(own[part]["score"] for own in found.scores.values())
        assert spread == scores[-1] - scores[0] > 0


def test_disagreement_by_hand():
    """Shares 1 and 0 against 1/4 and 3/4 against 0 and 1: three quarters, one, and a quarter."""
    one, other, third = np.array([[2.0], [0.0]]), np.array([[1.0], [3.0]]), np.array([[0.0], [9.0]])
    assert disagreement([one, other, third]) == pytest.approx([(0.75 + 1 + 0.25) / 3])
    assert disagreement([other, other * 7]) == pytest.approx([0])
    assert disagreement([one, np.zeros((2, 1))]) == pytest.approx([0.5])


def test_the_table_names_models_and_factors(found):
    head, *rows = str(found).splitlines()
    assert head.split() == ["model", "disentanglement", "completeness", "informativeness"]
    assert [row.split()[0] for row in rows[:-1]] == ["forest", "lasso", "logistic", "spread"]
    assert not any(row.startswith(" ") for row in rows)  # names to the left, numbers to the right
    for part in head.split()[1:]:
        end = head.index(part) + len(part)
        assert all(row[end - 1].isdigit() and row[end : end + 1] in ("", " ") for row in rows[:-1])
    assert rows[-1].count("0.") == 3
    assert list(found.disagreement) == ["shape", "size", "x"]


def test_a_notebook_shows_the_same_words(found):
    cells = re.sub(r"<[^>]+>", " ", found._repr_html_())
    assert cells.split() == str(found).split()


@pytest.mark.parametrize("models", [["forest"], ["forest", "forest"], []])
def test_one_model_does_not_disagree(known, models):
    with pytest.raises(UsageError, match="give two or more, each once"):
        dci_by_models(*known, models=models)


def test_models_of_classes_refuse_continuous_factors(known):
    with pytest.raises(UsageError, match="models is 'mlp'"):
        dci_by_models(*known, models=["forest", "mlp"])
    factors = np.random.default_rng(0).uniform(size=(300, 2))
    assert dci_by_models(factors, factors, models=["forest", "lasso"]).spread["disentanglement"] < 0.2
    whole = dci_by_models(factors[:30, :1], factors[:30, :1], models=["forest", "gbt", "lasso"])
    assert list(whole.scores) == ["forest", "gbt", "lasso"]
    with pytest.raises(UsageError, match="'logistic'"):
        dci_by_models(factors, factors, models=["forest", "logistic"])
