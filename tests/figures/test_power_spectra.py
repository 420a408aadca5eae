"""Spectra of waves whose frequency is known."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.figures.power_spectra import spectra, spectrum

SIDE = 32


def waves(along_x=0, along_y=0, side=SIDE, strength=100):
    """Images of one wave that crosses the image so many times."""
    y, x = np.mgrid[:side, :side]
    image = 128 + strength * np.cos(2 * np.pi * (along_x * x + along_y * y) / side)
    return np.rint(image).astype(np.uint8)[None, None]


@pytest.mark.parametrize(("x", "y", "frequency"), [(4, 0, 4), (0, 7, 7), (3, 4, 5), (12, 0, 12)])
def test_a_wave_peaks_at_its_frequency_whatever_its_direction(x, y, frequency):
    found = spectrum(waves(x, y))
    assert found.frequency.tolist() == list(range(1, SIDE // 2 + 1))
    assert found.frequency[found.power.argmax()] == frequency


def test_power_is_that_of_the_image_under_the_window():
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 24)).astype(np.uint8)
    centerd = image / 255 - (image / 255).mean((2, 3), keepdims=True)
    window = np.outer(np.hanning(18)[1:-1], np.hanning(26)[1:-1])
    assert spectrum(image).total == pytest.approx(((centerd * window) ** 2).sum((2, 3)).mean())  # Parseval


def test_twice_the_contrast_has_four_times_the_power_and_brightness_none():
    weak, strong = spectrum(waves(5, strength=50)), spectrum(waves(5, strength=100))
    assert strong.total / weak.total == pytest.approx(4, rel=0.05)
    assert spectrum(np.full((1, 1, 8, 8), 200, np.uint8)).total == 0


def test_fine_detail_is_waves_of_four_pixels_and_shorter():
    for wave, share in ((waves(12), 1.0), (waves(10), 1.0), (waves(3), 0.0), (waves(6), 0.0)):
        found = spectrum(wave)
        assert found.fine / found.total == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(("x", "y"), [(SIDE // 2, 0), (0, SIDE // 2), (SIDE // 2, SIDE // 2)])
def test_checkerboards_of_two_pixels_are_found_and_others_are_not(x, y):
    found = spectrum(waves(x, y))
    assert found.checkerboard / found.total > 0.95
    other = spectrum(waves(12, 0))
    assert other.checkerboard / other.total < 0.01


def test_a_wave_of_two_pixels_one_way_and_many_the_other_is_no_checkerboard():
    found = spectrum(waves(SIDE // 2, 6))
    assert found.checkerboard / found.total < 0.02


def test_the_figure_tells_what_share_of_power_is_kept():
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 16, 16)).astype(np.uint8)
    half = (64 + images.astype(float) / 2).astype(np.uint8)
    figure = spectra(images, {"half": half, "same": images})
    left, right = figure.axes
    kept = {line.get_label(): line.get_ydata() for line in right.get_lines()[1:]}
    first, second = kept.values()
    np.testing.assert_allclose(first, 0.25, rtol=0.05)
    np.testing.assert_allclose(second, 1.0)
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), spectrum(images).power)
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "images",
        "half: keeps 25 % of fine detail, 2-pixel pattern × 0.25",
        "same: keeps 100 % of fine detail, 2-pixel pattern × 1",
    ]
