"""Figures as files: the kind that the name says, the same bytes again, nothing overwritten."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import unbraid.figures
from helpers.shown_rows import numbered
from unbraid.errors import UsageError
from unbraid.figures import curves, gif, moving_tiles, save
from unbraid.figures.animation import there_and_back
from unbraid.figures.series import Series

HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def chart() -> Figure:
    return curves("β against −log p", [Series("a", np.arange(3), np.array([1.0, 2.0, 3.0]))])


@pytest.mark.parametrize("kind", HEADS)
def test_every_kind_of_file_and_the_same_bytes_again(tmp_path, kind):
    path = save(chart(), tmp_path / f"a.{kind}")
    assert path.read_bytes().startswith(HEADS[kind])
    assert save(chart(), tmp_path / f"b.{kind}").read_bytes() == path.read_bytes()


def test_dots_an_inch_scale_bitmaps(tmp_path):
    figure = chart()
    sizes = []
    for dpi in (72, 144):
        with Image.open(save(figure, tmp_path / f"{dpi}.png", dpi=dpi)) as image:
            sizes.append(image.size)
    assert sizes[0] == tuple(round(72 * inches) for inches in figure.get_size_inches())
    assert sizes[1] == (2 * sizes[0][0], 2 * sizes[0][1])


def test_vector_files_keep_text_as_text(tmp_path):
    assert "β against −log p" in save(chart(), tmp_path / "a.svg").read_text()


def test_other_endings_and_files_that_are_there_are_refused(tmp_path):
    for name, says in (
        ("a.bmp", "ends in .bmp; allowed: .png, .svg, .pdf"),
        ("a", "has no ending"),
        ("a.gif", "allowed: .png"),
    ):
        with pytest.raises(UsageError, match=says):
            save(chart(), tmp_path / name)
    path = save(chart(), tmp_path / "a.png")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        save(curves("other", []), path)
    assert path.read_bytes() == before
    save(curves("other", []), path, overwrite=True)
    assert path.read_bytes() != before
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        save(chart(), tmp_path / "folder.png", overwrite=True)


def test_an_animation_goes_there_and_back():
    assert there_and_back(4) == [0, 1, 2, 3, 2, 1]
    assert there_and_back(1) == [0]


def test_a_gif_repeats_its_frames(tmp_path):
    frames = [np.full((4, 5, 3), value, np.uint8) for value in (0, 128, 255)]
    with Image.open(save(frames, tmp_path / "a.gif")) as image:
        assert (image.n_frames, image.info["loop"], image.info["duration"]) == (3, 0, 100)
        for place, value in enumerate((0, 128, 255)):
            image.seek(place)
            np.testing.assert_allclose(np.asarray(image.convert("RGB")), value, atol=2)
    with pytest.raises(UsageError, match=r"allowed: \.gif"):
        save(frames, tmp_path / "a.png")
    with pytest.raises(UsageError, match="at least one frame"):
        gif([])


def test_tiles_of_an_animation_show_the_images_of_their_row_at_that_time():
    images = np.stack([40 * numbered(3), 40 * numbered(3) + 10, 40 * numbered(3) + 20])
    frames = moving_tiles(images, ["a", "b", "c"], per_row=2, tile=8)
    assert len(frames) == 4
    assert len({frame.shape for frame in frames}) == 1
    for frame, place in zip(frames, (0, 1, 2, 1), strict=True):
        assert [(frame == 40 * place + first).all(-1).sum() for first in (0, 10, 20)] == [64, 64, 64]
    with Image.open(io.BytesIO(gif(frames))) as image:
        assert image.n_frames == 4


def test_every_public_name_is_there_and_documented():
    for name in unbraid.figures.__all__:
        assert getattr(unbraid.figures, name).__doc__, name
    with pytest.raises(AttributeError):
        unbraid.figures.nothing  # noqa: B018
