"""The headline says what the shares say."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.reporting.headline import findings, headline, headline_without_factors, own_latents, shown_factors

NAMES = ("x", "y", "scale", "orientation")


def words(rows) -> str:
    return headline(findings(np.array(rows, dtype=np.float64), NAMES))


def test_positions_and_scale_of_their_own():
    rows = [[0.6, 0, 0, 0.01], [0, 0.6, 0, 0], [0, 0, 0.4, 0.02], [0, 0.1, 0.1, 0.1]]
    assert words(rows) == "Both positions and scale have latents of their own; orientation is not coded by any single latent."


def test_one_factor_of_its_own_and_one_that_is_shared():
    rows = [[0.6, 0, 0, 0], [0, 0.5, 0, 0], [0, 0.4, 0, 0], [0, 0, 0.2, 0.2]]
    assert words(rows) == (
        "Position x has a latent of its own; "
        "position y, scale and orientation are coded in part but have no latent of their own."
    )


def test_all_and_none():
    assert words(0.5 * np.eye(4)) == "Every factor has a latent of its own."
    assert words(np.zeros((4, 4))).startswith(
        "No factor has a latent of its own: both positions, scale and orientation are not"
    )


@pytest.mark.parametrize(
    ("rows", "own"),
    [
        ([[0.30, 0.0]], True),
        ([[0.29, 0.0]], False),  # knows too little
        ([[0.6, 0.0], [0.3, 0.0]], True),
        ([[0.6, 0.0], [0.31, 0.0]], False),  # not far enough ahead
        ([[0.6, 0.7]], False),  # knows another factor better
    ],
)
def test_each_part_of_the_rule(rows, own):
    assert own_latents(np.array(rows))[0, 0] == own


def test_without_factors():
    assert headline_without_factors(4, 10, 18.24) == (
        "4 of 10 latents are active and carry 18.2 nats per image; the data set has no factors to name them by."
    )
    assert headline_without_factors(1, 1, float("inf")).startswith("The only latent is active; the data set")
    assert headline_without_factors(0, 1, 0.0).startswith("The only latent is not active; ")
    assert headline_without_factors(0, 5, 0.0).startswith("0 of 5 latents are active; ")


def test_of_very_many_factors_the_best_known_are_shown_and_the_others_counted():
    shares = np.zeros((3, 40))
    shares[1, [5, 39]] = 0.5, 0.9
    shown = shown_factors(shares)
    assert len(shown) == 12
    assert shown == sorted(shown)
    assert {5, 39} <= set(shown)
    assert shown_factors(shares[:, :12]) == list(range(12))
    names = [f"factor_{k}" for k in range(40)]
    text = headline(findings(shares, names))
    assert text.startswith("Factor 39 has a latent of its own; factor 5 is coded in part")
    assert text.endswith(" and 31 more are not coded by any single latent.")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("scale", "scale"),
        ("object hue", "object hue"),
        ("5 o Clock Shadow", "5 o Clock\nShadow"),
        ("orientation_of_all", "orientation_of_all"),
    ],
)
def test_long_names_above_columns_stand_on_several_lines(name, shown):
    from unbraid.reporting.gallery.factors import in_lines

    assert in_lines(name) == shown
