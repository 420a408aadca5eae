"""Pictures that are drawn once and kept."""

import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing import drawn_once as module
from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.errors import DataUnavailable

ROWS = np.arange(2_000.0).reshape(1_000, 2)
Usage = namedtuple("Usage", "total used free")


class Pen:
    """Draws the numbers of a row as a picture of two pixels, and counts."""

    def __init__(self, breaks_after: int = 10**9) -> None:
        self.drawn, self.left = 0, breaks_after

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        self.drawn += len(rows)
        return (rows % 251).astype(np.uint8)[:, None, None]


def kept(cache):
    return sorted(path.name for path in (cache / "drawn").glob("*.npy"))


def test_pictures_are_drawn_once(cache):
    pen, again = Pen(), Pen()
    first = drawn_once("toys", ROWS, (1, 1, 2), pen, 64)
    second = drawn_once("toys", ROWS, (1, 1, 2), again, 64)
    assert (pen.drawn, again.drawn) == (1_000, 0)
    assert np.array_equal(first, second)
    assert np.array_equal(first[:, 0, 0], (ROWS % 251).astype(np.uint8))
    assert len(kept(cache)) == 1


@pytest.mark.parametrize("other", ["rows", "of", "sources"])
def test_other_pictures_are_other_files(cache, monkeypatch, other):
    rows, of = ROWS.copy(), 64
    drawn_once("toys", ROWS, (1, 1, 2), Pen(), of)
    if other == "rows":
        rows[999, 1] += 1e-9
    elif other == "of":
        of = 32
    else:
        monkeypatch.setattr(module, "_sources", lambda _: "those of tomorrow")
    pen = Pen()
    drawn_once("toys", rows, (1, 1, 2), pen, of)
    assert pen.drawn == 1_000
    assert len(kept(cache)) == 2


def test_drawing_that_was_stopped_goes_on(cache):
    with pytest.raises(KeyboardInterrupt):
        drawn_once("toys", ROWS, (1, 1, 2), Pen(breaks_after=2))
    assert kept(cache) == []
    pen = Pen()
    drawn = drawn_once("toys", ROWS, (1, 1, 2), pen)
    assert pen.drawn == 1_000 - 2 * module.AT_ONCE
    assert np.array_equal(drawn[:, 0, 0], (ROWS % 251).astype(np.uint8))


def test_few_pictures_make_no_file(cache):
    assert len(drawn_once("toys", ROWS[:30], (1, 1, 2), Pen())) == 30
    assert not (cache / "drawn").exists()


@pytest.mark.parametrize("why", ["full", "no folder"])
def test_without_a_cache_pictures_are_drawn_into_memory_if_they_fit(cache, monkeypatch, why):
    if why == "full":
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 0))
    else:
        cache.write_text("a file")
    assert np.array_equal(drawn_once("toys", ROWS, (1, 1, 2), Pen())[:, 0, 0], (ROWS % 251).astype(np.uint8))
    monkeypatch.setattr(module, "IN_MEMORY", 1_999)
    with pytest.raises(DataUnavailable, match="Drawing toys needs|Not a directory|File exists"):
        drawn_once("toys", ROWS, (1, 1, 2), Pen())


def test_files_used_longest_ago_go_where_all_take_too_much(cache, monkeypatch):
    for k in range(3):
        drawn_once(f"toys{k}", ROWS, (1, 1, 2), Pen())
    names = kept(cache)
    for k, name in enumerate(names):
        os.utime(cache / "drawn" / name, (1_000 + k, 1_000 + k))
    drawn_once("toys0", ROWS, (1, 1, 2), Pen())  # used again
    (cache / "drawn" / ".old.npy.part").write_bytes(b"x")
    os.utime(cache / "drawn" / ".old.npy.part", (1_000, 1_000))
    (cache / "drawn" / ".young.npy.part").write_bytes(b"x")
    monkeypatch.setattr(module, "LARGEST", 3 * (cache / "drawn" / names[0]).stat().st_size + 10)
    drawn_once("toys3", ROWS, (1, 1, 2), Pen())
    assert [name[:5] for name in kept(cache)] == ["toys0", "toys2", "toys3"]
    assert [path.name for path in (cache / "drawn").glob(".*")] == [".young.npy.part"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ellipses", {"continuous": "all", "size": 28}),
        ("shapes", {"continuous": "all", "shape": "all"}),
        ("shapes", {"continuous": "x", "antialias": False}),
        ("rooms", {"continuous": "all", "size": 16}),
        ("faces", {"continuous": "gaze", "size": 16}),
        ("glyphs", {"continuous": "all", "size": 16, "letters": "AB", "fonts": "plain"}),
    ],
)
def test_sets_that_draw_each_image_keep_them(cache, monkeypatch, heard, name, options):
    monkeypatch.setattr(module, "FEWEST", 10)
    first = load_dataset(name, images=24, **options)
    assert len(kept(cache)) == 1
    heard.titles.clear()
    second = load_dataset(name, images=24, **options)
    assert heard.titles == []
    every = np.arange(24)
    assert np.array_equal(first.images.bytes(every), second.images.bytes(every))
    monkeypatch.setattr(module, "FEWEST", 100)
    assert np.array_equal(first.images.bytes(every), load_dataset(name, images=24, **options).images.bytes(every))
