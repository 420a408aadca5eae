import errno
import hashlib
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing.outlines import draw_grid
from unbraid.data.sets import dsprites as module
from unbraid.data.sets.dsprites import DIGEST_SIZE, GEOMETRY, dsprites_space
from unbraid.errors import DataUnavailable
from unbraid.progress import listening

REFERENCE = Path(__file__).parent / "dsprites_reference_latents.csv"
FILE = f"dsprites-geometry{GEOMETRY}.npy"


def packed_rows(images: np.ndarray) -> np.ndarray:
    return np.packbits(images[:, 0] // 255, axis=-1)


def test_143_published_images_are_redrawn_without_a_wrong_pixel(whole_dsprites):
    """The digest is that of the published images, bits packed along the rows."""
    latents = np.loadtxt(REFERENCE, delimiter=",", dtype=np.int64)
    assert latents.shape == (143, 5)
    images = packed_rows(whole_dsprites.images.bytes(whole_dsprites.space.index(latents)))
    assert images.shape == (143, 64, 8)
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    assert digest == "4901ddf7ad7fca9484423533b6533ac68bb3e95b09fb224052fd650ceb979d7f"


def test_there_are_as_many_white_pixels_as_the_geometry_gives(whole_dsprites):
    """The published mean, 0.042494423521889584, is 128,328,862 white pixels, two fewer."""
    words = whole_dsprites.images._packed.view(np.uint64)
    white = sum(int(np.bitwise_count(words[start : start + 65_536]).sum()) for start in range(0, len(words), 65_536))
    assert white == 128_328_864


@pytest.mark.parametrize(
    ("shape", "white"), [("ellipse", [76, 104, 144, 184, 228, 288]), ("heart", [58, 84, 108, 140, 182, 222])]
)
def test_white_pixels_at_each_scale(whole_dsprites, shape, white):
    assert whole_dsprites.images.floats(upright(whole_dsprites, shape)).sum(axis=(1, 2, 3)).tolist() == white


@pytest.mark.parametrize(
    ("shape", "widths", "heights"),
    [
        ("square", [10, 12, 14, 16, 18, 20], [10, 12, 14, 16, 18, 20]),
        ("ellipse", [12, 16, 18, 20, 22, 26], [8, 8, 10, 12, 12, 14]),
        ("heart", [10, 12, 14, 16, 18, 20], [9, 11, 13, 14, 15, 17]),
    ],
)
def test_extents_at_each_scale(whole_dsprites, shape, widths, heights):
    white = whole_dsprites.images.bytes(upright(whole_dsprites, shape))[:, 0] > 0
    assert [int(np.ptp(np.flatnonzero(image.any(axis=0)))) + 1 for image in white] == widths
    assert [int(np.ptp(np.flatnonzero(image.any(axis=1)))) + 1 for image in white] == heights


def upright(dataset, shape: str) -> np.ndarray:
    """Indices of the six scales of a shape, not turned, at the first position."""
    code = ["square", "ellipse", "heart"].index(shape)
    return dataset.space.rows(shape=code, orientation=0, x=0, y=0)


def test_the_last_orientation_repeats_the_first(whole_dsprites):
    packed = whole_dsprites.images._packed.reshape(18, 40, 1024, 512)
    assert np.array_equal(packed[:, 39], packed[:, 0])
    assert not np.array_equal(packed[:, 38], packed[:, 0])


def test_x_moves_right_and_y_moves_down(whole_dsprites):
    space = whole_dsprites.space
    codes = np.array([[0, 5, 0, 0, 0], [0, 5, 0, 31, 0], [0, 5, 0, 0, 31]])
    images = whole_dsprites.images.floats(space.index(codes))[:, 0]
    rows, columns = images.sum(axis=2) @ np.arange(64) / 400, images.sum(axis=1) @ np.arange(64) / 400
    assert columns.tolist() == [15.5, 47.5, 15.5]
    assert rows.tolist() == [15.5, 15.5, 47.5]


def test_everything_known_about_it(whole_dsprites):
    assert (len(whole_dsprites), whole_dsprites.shape) == (737_280, (1, 64, 64))
    assert len(whole_dsprites.test) == 73_728
    assert whole_dsprites.factors.dtype == np.int16
    landmarks = [1, 32, 1_024, 40_960, 245_760]
    assert np.array_equal(whole_dsprites.factors[landmarks], np.eye(5)[::-1])
    assert whole_dsprites.factors[-1].tolist() == [2, 5, 39, 31, 31]


def test_the_reduced_set_holds_the_right_images(whole_dsprites):
    reduced = load_dataset("dsprites_reduced")
    tenth = [0, 3, 7, 10, 14, 17, 21, 24, 28, 31]
    assert reduced.space.sizes == (3, 6, 4, 10, 10)
    assert len(reduced) == 7_200
    whole = reduced.factors.astype(np.int64)
    whole[:, 2] = np.array([0, 10, 20, 29])[whole[:, 2]]
    whole[:, 3:] = np.array(tenth)[whole[:, 3:]]
    index = whole @ [245_760, 40_960, 1_024, 32, 1]
    everything = np.arange(7_200)
    assert np.array_equal(reduced.images.bytes(everything), whole_dsprites.images.bytes(index))
    assert [round(np.degrees(v), 2) for v in reduced.space.factors[2].values] == [0, 92.31, 184.62, 267.69]
    assert reduced.space.factors[2].kind == "ordinal"
    assert not np.array_equal(reduced.space.values(reduced.factors)[:, 1], reduced.factors[:, 1])


def test_it_is_drawn_once_and_mapped_from_then_on(small_dsprites, cache, heard):
    first = load_dataset("dsprites")
    assert [path.name for path in cache.iterdir()] == [FILE]
    written = (cache / FILE).stat()
    assert heard.titles == ["drawing dSprites, once"]
    assert heard.reports == [(1_024 * block, 6_144) for block in range(1, 7)]
    assert heard.closed == 1
    second = load_dataset("dsprites")
    assert len(heard.titles) == 1
    assert (cache / FILE).stat().st_mtime_ns == written.st_mtime_ns
    assert isinstance(second.images._packed, np.memmap)
    everything = np.arange(len(small_dsprites))
    assert np.array_equal(first.images.bytes(everything), second.images.bytes(everything))


def test_what_is_mapped_is_what_was_drawn(small_dsprites):
    dataset = load_dataset("dsprites")
    shape, scale, turn, x, y = (np.asarray(f.values) for f in small_dsprites.factors)
    assert shape.tolist() == [1, 2, 3]
    blocks = np.concatenate(list(draw_grid(module.OUTLINES, scale, turn, x, y, 64)))
    assert np.array_equal(packed_rows(dataset.images.bytes(np.arange(len(dataset)))).reshape(-1, 512), blocks)


def damaged_by(cut):
    return lambda path: path.write_bytes(cut(path.read_bytes()))


def flipped(content: bytes) -> bytes:
    return content[:9_000] + bytes([content[9_000] ^ 1]) + content[9_001:]


@pytest.mark.parametrize(
    "damage",
    [
        damaged_by(lambda content: content[:-1]),
        damaged_by(lambda content: content[:50]),
        damaged_by(lambda _: b""),
        damaged_by(lambda content: b"junk" + content),
        damaged_by(lambda content: content + b"!"),
        damaged_by(flipped),
        damaged_by(lambda content: content[:128] + bytes(len(content) - 128 - DIGEST_SIZE) + content[-DIGEST_SIZE:]),
        damaged_by(lambda content: content[:-DIGEST_SIZE]),
        lambda path: np.save(path, np.zeros((5, 512), dtype=np.uint8)),
        lambda path: np.save(path, np.zeros((6_144, 512), dtype=np.int8)),
        lambda path: np.save(path, np.zeros((512, 6_144), dtype=np.uint8).T),
    ],
    ids=[
        "last byte missing",
        "header alone",
        "empty",
        "no array",
        "byte appended",
        "bit flipped",
        "black",
        "no digest",
        "shape",
        "type",
        "transposed",
    ],
)
def test_a_damaged_file_is_drawn_again(small_dsprites, cache, heard, damage):
    load_dataset("dsprites")
    whole = (cache / FILE).read_bytes()
    damage(cache / FILE)
    assert (cache / FILE).read_bytes() != whole
    load_dataset("dsprites")
    assert heard.titles == ["drawing dSprites, once", f"drawing dSprites anew, since {FILE} is damaged"]
    assert (cache / FILE).read_bytes() == whole


class FullDisk:
    """A file that takes a few bytes and then finds the disk full."""

    def __init__(self, handle) -> None:
        self.handle, self.writes = handle, 0

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.handle.close()

    def write(self, content: bytes) -> int:
        self.writes += 1
        if self.writes > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.handle.write(content)


def test_a_full_disk_leaves_nothing_behind(small_dsprites, cache, monkeypatch):
    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", *a, **k: FullDisk(opened(self, mode)) if mode == "wb" else opened(self, mode, *a, **k),
    )
    with pytest.raises(DataUnavailable, match=r"No space left on device\. Free some space there, or set UNBRAID_CACHE"):
        load_dataset("dsprites")
    assert list(cache.iterdir()) == []


def test_a_folder_that_cannot_be_written(small_dsprites, cache, monkeypatch):
    cache.mkdir()
    opened = Path.open

    def refuse(self, mode="r", *more, **named):
        if "w" in mode:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(self, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataUnavailable, match=rf"{FILE}: Permission denied\..*UNBRAID_CACHE"):
        load_dataset("dsprites")
    assert list(cache.iterdir()) == []


def test_a_file_where_the_folder_should_be(small_dsprites, cache):
    cache.write_text("in the way")
    with pytest.raises(DataUnavailable, match=r"File exists\..*UNBRAID_CACHE"):
        load_dataset("dsprites")
    assert cache.read_text() == "in the way"


def test_a_folder_where_the_file_should_be(small_dsprites, cache):
    (cache / FILE).mkdir(parents=True)
    with pytest.raises(DataUnavailable, match=rf"{FILE} is not a regular file"):
        load_dataset("dsprites")
    assert [path.name for path in cache.iterdir()] == [FILE]


def test_a_file_that_cannot_be_mapped(small_dsprites, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(np.lib.format, "open_memmap", refuse)
    with pytest.raises(DataUnavailable, match=r"cannot be mapped into memory.*set UNBRAID_CACHE"):
        load_dataset("dsprites")


def test_an_interrupted_drawing_leaves_nothing_behind(small_dsprites, cache):
    @contextmanager
    def stopping(title):
        def report(done: int, total: int) -> None:
            raise KeyboardInterrupt

        yield report

    with pytest.raises(KeyboardInterrupt), listening(stopping):
        load_dataset("dsprites")
    assert list(cache.iterdir()) == []


SLOW = """
import sys, time
import numpy as np
from pathlib import Path
from unbraid.data.dataset import load_dataset
from unbraid.progress import listening
from unbraid.data.sets import dsprites as module
from contextlib import contextmanager

space, _ = module.dsprites_space().subgrid(scale=[5], orientation=[0, 7])
module.dsprites_space = lambda: space

@contextmanager
def slowly(title):
    def report(done, total):
        Path(sys.argv[1]).touch()
        time.sleep(0.2)
    yield report

with listening(slowly):
    data = load_dataset("dsprites")
print(data.images.bytes(np.arange(len(data))).sum())
"""
CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]


def can_unshare() -> bool:
    try:
        return subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_unshare(), reason="no namespaces here")
def test_two_containers_draw_into_one_cache(small_dsprites, cache, tmp_path):
    """In containers every process is number 1, so that numbers of processes make no name unique."""
    command = [*CONTAINER, sys.executable, "-c", SLOW]
    first = subprocess.Popen([*command, str(tmp_path / "first")], stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "first").exists():
        assert first.poll() is None
        time.sleep(0.05)
    second = subprocess.Popen([*command, str(tmp_path / "second")], stdout=subprocess.PIPE, text=True)
    sums = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    data = load_dataset("dsprites")
    assert sums == [f"{data.images.bytes(np.arange(len(data))).sum()}\n"] * 2
    assert [path.name for path in cache.iterdir()] == [FILE]


def test_what_killed_drawings_left_is_removed(small_dsprites, cache, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path / "begun")])
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    (left,) = cache.iterdir()
    load_dataset("dsprites")
    assert [path.name for path in cache.iterdir()] == [FILE] != [left.name]


def test_orders_of_presentation_reach_the_data_set():
    reduced = load_dataset("dsprites_reduced", order="one_factor", test_share=0.0)
    steps = np.abs(np.diff(reduced.factors[reduced.walk].astype(int), axis=0))
    assert (steps.sum(axis=1) == 1).all()
    assert np.array_equal(reduced.train, reduced.walk)


def test_the_space_holds_both_ends_of_the_turn():
    assert dsprites_space().factors[2].values[::39] == pytest.approx([0, 2 * np.pi])
