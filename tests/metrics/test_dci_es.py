"""Explicitness and size of DCI-ES: by hand, of known codes."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from unbraid.metrics import dci_es, gather, mcc, r2
from unbraid.metrics.dci_es import explicitness_of


def test_the_area_by_hand():
    """Of losses 1, 0.5 and 0.1 at 0, 1 and 3: triangles and trapezes above 0.1."""
    capacity, loss = np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.5, 0.1])
    assert explicitness_of(capacity, loss) == pytest.approx(1 - 2 * ((0.9 + 0.4) / 2 + (0.4 + 0) / 2 * 2) / 3)
    assert explicitness_of(capacity, np.array([1.0, 0.1, 0.7])) == pytest.approx(1 - 2 * (0.9 / 2) / 3)  # least so far
    assert explicitness_of(capacity, np.full(3, 0.4)) == 1
    assert explicitness_of(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == 0
    assert explicitness_of(capacity[:1], loss[:1]) == 1


def test_it_is_the_published_sum():
    """As in the code of the authors, over any curve."""
    rng = np.random.default_rng(0)
    x, y = np.cumsum(rng.uniform(size=6)), rng.uniform(size=6)
    least = [min(y[: i + 1]) for i in range(6)]
    area = sum((least[i] - min(y) + least[i + 1] - min(y)) * (x[i + 1] - x[i]) for i in range(5))
    assert explicitness_of(x, y) == pytest.approx(1 - area / (x[-1] - x[0]))


def test_the_losses_by_hand():
    """Least squares from latents and random cosines, one factor and one probe at a time."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(120, 2))
    factors = np.stack([np.sin(2 * codes[:, 0]), codes[:, 1] + 0.1 * rng.normal(size=120)], 1)
    rows = np.random.default_rng(0).permutation(120)
    z = (codes - codes[rows[:60]].mean(0)) / codes[rows[:60]].std(0)
    drawn = np.random.default_rng(0)
    pairs = drawn.integers(0, 60, (2, 2000))
    width = np.median([np.linalg.norm(z[rows[i]] - z[rows[j]]) for i, j in pairs.T])
    weights, phases = drawn.standard_normal((2, 4)) / width, drawn.uniform(0, 2 * np.pi, 4)
    found = dci_es(codes, factors)
    assert found["capacity"] == [2, 6]  # of 60 samples, a fifth at most
    for k in range(2):
        for p, count in enumerate((0, 4)):
            waves = [np.cos(z @ weights[:, i] + phases[i]) for i in range(count)]
            features = np.column_stack([np.ones(120), z, *waves])
            learned = np.linalg.lstsq(features[rows[:60]], factors[rows[:60], k], rcond=None)[0]
            error = np.mean((features[rows[60:]] @ learned - factors[rows[60:], k]) ** 2)
            assert found["loss"][str(k)][p] == pytest.approx(min(1, error / factors[rows[60:], k].var()), abs=1e-6)


def test_known_codes():
    factors = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    plain = dci_es(factors @ [[1.0, 2.0], [-1.0, 1.0]], factors)
    assert plain["score"] == pytest.approx(1, abs=1e-6)
    assert plain["size"]["score"] == 1
    bent = dci_es(np.stack([np.sign(own) * np.abs(own) ** 0.2 for own in factors.T], 1), factors)
    hidden = dci_es(np.stack([factors[:, 0] + np.sin(9 * factors[:, 1]), factors[:, 1]], 1), factors)
    assert hidden["explicitness"]["per_factor"]["1"] == pytest.approx(1, abs=1e-6)
    assert hidden["explicitness"]["per_factor"]["0"] < bent["score"] < 0.99
    assert all(own[0] > own[-1] for own in bent["loss"].values())
    assert bent["capacity"] == [2, 6, 18, 66]  # of 1,000 samples, a fifth at most
    sizes, by_factor = [log(own) for own in bent["capacity"]], bent["explicitness"]["per_factor"]
    for name, loss in bent["loss"].items():  # trapezes over log capacity, above the least loss
        above = [min(loss[: p + 1]) - min(loss) for p in range(4)]
        area = sum((above[p] + above[p + 1]) / 2 * (sizes[p + 1] - sizes[p]) for p in range(3))
        assert by_factor[name] == pytest.approx(1 - 2 * area / (sizes[3] - sizes[0]))
    assert bent["score"] == bent["explicitness"]["score"] == pytest.approx(sum(by_factor.values()) / 2)
    copies = dci_es(np.hstack([factors, factors]), factors)
    assert [copies["score"], copies["size"]["score"]] == pytest.approx([1, 0.5], abs=1e-6)


def test_an_angle_is_explicit_in_cosine_and_sine_alone():
    angle = np.random.default_rng(0).uniform(0, 360, (2000, 1))
    circle = np.hstack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    explicit, cut = (dci_es(gather(codes, angle, cyclic={"0": 360.0}))["score"] for codes in (circle, angle))
    assert explicit == pytest.approx(1, abs=1e-6)
    assert cut < 0.8


def test_probes_have_a_fifth_of_the_samples_that_they_learn_from_at_most():
    """Half of the samples are learned from; the latents alone are always tried."""
    rng = np.random.default_rng(0)
    for n, latents, capacity in ((60, 2, [2, 6]), (58, 2, [2]), (60, 8, [8]), (2600, 2, [2, 6, 18, 66, 258])):
        codes = rng.normal(size=(n, latents))
        assert dci_es(codes, codes[:, :1])["capacity"] == capacity


def test_a_single_latent_has_the_size_of_one_and_is_bent_by_waves():
    z = np.random.default_rng(0).normal(size=(1000, 1))
    found = dci_es(z, np.hstack([np.sin(2 * z), z]))
    assert found["size"]["score"] == 1
    assert found["loss"]["0"][0] > 0.5
    assert found["loss"]["0"][-1] < 0.01


def test_constant_codes_are_explicit_in_nothing():
    factors = np.random.default_rng(0).normal(size=(200, 2))
    found = dci_es(np.ones((200, 3)), factors)
    assert found["score"] == 1
    assert all(loss == [1.0] * len(found["capacity"]) for loss in found["loss"].values())


@pytest.mark.parametrize("metric", [dci_es, r2, mcc])
def test_classes_and_angles_beside_each_other(metric):
    """Each has its own columns: one of a class, two of an angle."""
    rng = np.random.default_rng(0)
    kind, angles = rng.integers(0, 3, (400, 1)), rng.uniform(0, 360, (400, 2))
    circles = [part(np.radians(angles)) for part in (np.cos, np.sin)]
    samples = gather(np.hstack([kind, *circles]), np.hstack([kind, angles]), cyclic={"1": 360.0, "2": 360.0})
    found = metric(samples)
    assert [*found.get("explicitness", found)["per_factor"].values()] == pytest.approx([1, 1, 1], abs=1e-6)
    for loss in found.get("loss", {}).values():
        assert loss == pytest.approx([0] * len(loss), abs=1e-9)
