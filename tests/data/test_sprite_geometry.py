"""Every renderer against integrals over the outlines: area, centroid, second moments and with them orientation and axes.

Sums over pixels scatter with the place of a sprite between pixels. Positions take 15 (dSprites: 31) different places along
x and y, so that their mean is a quadrature that fine, and what is left shrinks with the number of pixels.
"""

import numpy as np
import pytest

from helpers.sprite_moments import EDGE, INTEGRALS, by_green, expected, measured, scaled_errors
from unbraid.data.dataset import load_dataset

SCALES = np.linspace(0.5, 1, 6)


def test_integrals_by_greens_theorem_agree_with_closed_forms():
    ellipse = by_green(lambda t: (2 * np.cos(t), np.sin(t)), lambda t: (-2 * np.sin(t), np.cos(t)))
    assert np.allclose(ellipse, [2 * np.pi, 0, 0, 2 * np.pi, 0, np.pi / 2])
    heart = INTEGRALS["heart"]
    assert heart[0] == pytest.approx(np.pi * 45 / 58)  # 4 x 14.5 = 58; only equal frequencies leave anything
    assert heart[1] == pytest.approx(0)
    assert heart[4] == pytest.approx(0)


def errors(
    dataset, shape: str, r: float, *, scale: int, turn: float, rows: np.ndarray, blur: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scaled errors of the images in rows, which differ in position alone: of the mean, and the largest of one image.

    First positions are left out: they lie between pixels as the last ones do and would count twice in the mean.
    """
    size = dataset.shape[1]
    rows = rows[(dataset.factors[rows][:, [dataset.space.column(name) for name in ("x", "y")]] > 0).all(1)]
    values = dataset.space.values(dataset.factors[rows].astype(np.int64))
    x, y = (size * (0.25 + 0.5 * values[:, dataset.space.column(name)]) for name in ("x", "y"))
    seen = measured(dataset.images.bytes(rows)[:, 0] / 255, x, y)
    exact = expected(INTEGRALS[shape], r * size * SCALES[scale], turn)
    exact[[3, 5]] += blur * exact[0]
    return scaled_errors(seen.mean(0), exact), scaled_errors(seen, exact).max(0)


@pytest.fixture(scope="module", params=["gray", "binary"])
def all_shapes(request):
    return load_dataset("shapes", shape="all", antialias=request.param == "gray"), request.param


@pytest.mark.parametrize("shape", ["heart", "square", "ellipse"])
@pytest.mark.parametrize("scale", [0, 2, 5])
def test_shapes(all_shapes, shape, scale):
    dataset, kind = all_shapes
    code = ["heart", "square", "ellipse"].index(shape)
    for rotation in (0, 3, 11, 26):
        rows = dataset.space.rows(shape=code, scale=scale, rotation=rotation)
        turn = 2 * np.pi * rotation / 40
        blur = EDGE if kind == "gray" else 0.0
        mean, worst = errors(dataset, shape, 0.175, scale=scale, turn=turn, rows=rows, blur=blur)
        assert (mean < {"gray": 0.008, "binary": 0.02}[kind]).all(), mean
        assert (worst < {"gray": 0.1, "binary": 0.7}[kind]).all(), worst


@pytest.mark.parametrize("shape", ["square", "ellipse", "heart"])
@pytest.mark.parametrize("scale", [0, 5])
def test_dsprites(whole_dsprites, shape, scale):
    code = ["square", "ellipse", "heart"].index(shape)
    for orientation in (0, 7, 22):
        rows = whole_dsprites.space.rows(shape=code, scale=scale, orientation=orientation)
        turn = 2 * np.pi * orientation / 39
        mean, worst = errors(whole_dsprites, shape, 0.15, scale=scale, turn=turn, rows=rows, blur=0.0)
        assert (mean < 0.01).all(), mean
        assert (worst < 0.3).all(), worst


@pytest.mark.parametrize(("size", "bound"), [(28, 0.02), (32, 0.02), (64, 0.01)])
def test_ellipses(size, bound):
    dataset = load_dataset("ellipses", size=size)
    for scale in (0, 5):
        for orientation in (0, 9, 31):
            rows = dataset.space.rows(scale=scale, orientation=orientation)
            turn = np.pi * orientation / 40
            mean, _ = errors(dataset, "ellipse", 0.15, scale=scale, turn=turn, rows=rows, blur=0.0)
            assert (mean < bound).all(), mean


def test_correlated_ellipses():
    """Each image alone: centers lie on the canvas's pixels, so that nothing but the canvas's grain is left."""
    dataset = load_dataset("correlated_ellipses", images=3_000)
    rows = np.arange(3_000)
    x, y, scale, degrees = dataset.space.values(dataset.factors.astype(np.int64)).T
    center_x, center_y = ((np.rint(50 + 156 * share) + 0.5) / 4 for share in (x, y))
    seen = measured(dataset.images.bytes(rows)[:, 0] / 255, center_x, center_y)
    long, short = ((np.rint(half * scale) + 0.5) / 4 for half in (50, 25))
    upright = np.pi * long * short * np.stack([np.ones(3_000), 0 * x, 0 * x, long**2 / 4 + EDGE, 0 * x, short**2 / 4 + EDGE])
    exact = np.stack([expected(one, 1.0, -angle) for one, angle in zip(upright.T, np.radians(degrees), strict=True)])
    worst = scaled_errors(seen, exact).max(0)
    assert (worst < 0.02).all(), worst
