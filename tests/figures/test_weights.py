"""Histograms of weights count every weight once."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.weights import BINS, near_zero, weight_histograms


def test_shares_sum_to_one_and_lie_where_the_weights_are():
    own = np.array([-1.0, -1.0, 0.0, 0.005, 0.5, 1.0])
    figure = weight_histograms({"a": {"encoder": own}, "b": {"encoder": np.array([0.5, 0.5])}})
    (ax,) = figure.axes
    first, second = (patch.get_data() for patch in ax.patches)
    assert first.values.sum() == pytest.approx(1)
    assert second.values.sum() == pytest.approx(1)
    assert first.edges[[0, -1]].tolist() == [-1, 1]
    assert first.values[0] == pytest.approx(2 / 6)
    assert first.values[BINS // 2] == pytest.approx(2 / 6), "0 and 0.005 share the middle bin"
    assert second.values.argmax() == np.searchsorted(second.edges, 0.5) - 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a: 33 % within ±0.01", "b: 0 % within ±0.01"]


def test_each_network_has_its_plot():
    weights = {"a": {"encoder": np.ones(3), "decoder": np.ones(4)}, "b": {"decoder": np.zeros(2)}}
    encoder, decoder = weight_histograms(weights).axes
    assert encoder.get_title(loc="left") == "Weights of the encoder"
    assert (len(encoder.patches), len(decoder.patches)) == (1, 2)


def test_near_zero_counts_the_limit():
    assert near_zero(np.array([-0.01, 0.01, 0.02, 0.0])) == 0.75
