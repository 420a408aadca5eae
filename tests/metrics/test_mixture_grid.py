import numpy as np
import pytest

from unbraid.metrics.information import mixture_grid as module
from unbraid.metrics.information.mixture_grid import BLOCK, Grid


def by_brute_force(x, mean, variance):
    deviations = (x[:, None] - mean) ** 2 / (2 * variance)
    return (np.exp(-deviations) / np.sqrt(2 * np.pi * variance)).mean(1)


@pytest.mark.parametrize("decades", [0.0, 1.5, 4.0])
@pytest.mark.parametrize("per_level", [7, 14])
def test_the_density_point_by_point(decades, per_level):
    """One level, some levels, and more rows than levels for them."""
    rng = np.random.default_rng(0)
    mean, variance = rng.normal(size=30), 1e-2 * 10 ** (decades * rng.random(30))
    grid = Grid.over(mean, variance, 0.1 / 6, per_level)
    x = grid.low + grid.spacing * np.arange(grid.size)
    exact = by_brute_force(x, mean, variance)
    assert grid.density(mean, variance) == pytest.approx(exact, abs=2e-3 * exact.max())
    assert np.diff([level.points for level in grid.levels]).tolist() == [-own.points / 2 for own in grid.levels[:-1]]


def test_no_level_is_coarser_than_64_points():
    """Widths over four decades within a short span would make more levels than there are points for."""
    mean, variance = np.array([0.0, 0.1]), np.array([1e-4, 1e4])
    grid = Grid.over(mean, variance, 1.0, 7)
    assert min(level.points for level in grid.levels) >= 64
    assert len(grid.levels) > 1


def test_finer_is_nearer():
    """The spline is of third order in the spacing, and so are the shares of variances in their ratio."""
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(size=20), 10 ** rng.uniform(-2, 0, size=20)

    def error(spacing, per_level):
        grid = Grid.over(mean, variance, spacing, per_level)
        x = grid.low + grid.spacing * np.arange(grid.size)
        return np.abs(grid.density(mean, variance) - by_brute_force(x, mean, variance)).max()

    assert error(0.01, 80) < error(0.02, 80) / 6
    assert error(0.002, 20) < error(0.002, 10) / 6


def test_mass_mean_and_variance_are_kept():
    rng = np.random.default_rng(2)
    mean, variance = rng.normal(size=2 * BLOCK + 77), rng.uniform(0.02, 2, size=2 * BLOCK + 77)
    grid = Grid.over(mean, variance, 0.03, 7)
    x = grid.low + grid.spacing * np.arange(grid.size)
    density = grid.density(mean, variance) * grid.spacing
    assert density.sum() == pytest.approx(1, abs=1e-9)
    assert density @ x == pytest.approx(mean.mean(), abs=1e-9)
    assert density @ x**2 == pytest.approx((mean**2 + variance).mean(), abs=1e-7)


def test_densities_of_parts_add_up():
    rng = np.random.default_rng(3)
    mean, variance = rng.normal(size=300), 10 ** rng.uniform(-3, 1, size=300)
    grid = Grid.over(mean, variance, 0.01, 14)
    parts = [grid.density(mean[own], variance[own]) * len(mean[own]) for own in (slice(0, 1), slice(1, 120), slice(120, 300))]
    assert sum(parts) / 300 == pytest.approx(grid.density(mean, variance), abs=1e-9)


@pytest.mark.parametrize("cells", [1, 1 << 13, 1 << 20])
def test_mixtures_are_read_together_as_they_are_alone(monkeypatch, cells):
    """Some at a time, whether a block of components holds several mixtures or a mixture several blocks."""
    monkeypatch.setattr(module, "CELLS", cells)
    monkeypatch.setattr(module, "BLOCK", 50)
    rng = np.random.default_rng(5)
    mean, variance, sizes = rng.normal(size=200), 10 ** rng.uniform(-2, 1, size=200), np.array([7, 1, 130, 2, 60])
    grid = Grid.over(mean, variance, 0.05, 7)
    parts = list(grid.densities(mean, variance, sizes))
    together = np.concatenate(parts)
    assert len(parts) == {1: 5, 1 << 20: 1}.get(cells, len(parts))
    for own, density in zip(np.split(np.arange(200), np.cumsum(sizes)[:-1]), together, strict=True):
        assert density == pytest.approx(grid.density(mean[own], variance[own]), abs=1e-12)
