"""unbraid inspect, as its users meet it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from helpers.published_stand_ins import celeba_files, write
from unbraid.cli.main import main


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "300")


def shown(capsys, *words: str, code: int = 0) -> str:
    assert main(["inspect", *words]) == code
    said = capsys.readouterr()
    return (said.out + said.err).replace("\n", " ")


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32), np.uint8)


def test_what_a_grid_holds(capsys):
    text = shown(capsys, "ellipses", "--size", "28", "--only", "x=0..3 y=0..3")
    assert "3,840, gray, 28 x 28" in text
    assert "x" in text
    assert "ordinal, 4 values" in text
    assert "full: each of 3,840 combinations once" in text
    assert "3,456 for training, 384 held out" in text
    assert "beta_vae would take encoder koller, decoder koller, likelihood bernoulli" in text


def test_duplicates_that_cross_the_split_are_told(capsys, tmp_path):
    images = noise(40)
    images[1] = images[0]
    images[30:35] = images[10]
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(40) % 4)
    text = shown(capsys, str(tmp_path / "a.npz"), "--test-share", "0.5")
    assert "6 images are the same as an earlier one, first image 1 as 0" in text
    assert "on both sides of the split" in text
    assert "4: 0 10, 1 10, 2 10, 3 10" in text
    assert "none known, so there are no scores" in text


def test_without_duplicates_and_with_a_picture(capsys, tmp_path):
    np.savez(tmp_path / "a.npz", images=noise(20))
    picture = tmp_path / "seen.png"
    text = shown(capsys, f"npz:{tmp_path / 'a.npz'}", "-o", str(picture))
    assert "none" in text
    with Image.open(picture) as drawn:
        assert drawn.size == (10 * 64 + 9 * 2, 4 * 64)
    assert "--overwrite" in shown(capsys, f"npz:{tmp_path / 'a.npz'}", "-o", str(picture), code=2)


def test_everything_that_is_wrong_in_a_folder_is_named_at_once(capsys, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(noise(3)[i]).save(folder / f"good{i}.png")
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.png").write_bytes((folder / "good0.png").read_bytes()[:400])
    text = shown(capsys, str(folder), code=1)
    assert "text.jpg is no sound image" in text
    assert "cut.png is no sound image" in text
    assert "2 files of" in text
    assert "--skip-bad" in text
    skipped = shown(capsys, str(folder), "--skip-bad")
    assert "3, gray, 32 x 32" in skipped
    assert "Left out, since they cannot be read: cut.png, text.jpg." in skipped
    (folder / "text.jpg").unlink()
    (folder / "cut.png").unlink()
    assert "3, gray, 32 x 32" in shown(capsys, str(folder))


def test_a_published_set(capsys, tmp_path):
    folder = write(celeba_files(), tmp_path / "mine")
    text = shown(capsys, f"celeba:{folder}", "--attributes", "Smiling,Male")
    assert "factor Smiling" in text
    assert "categorical, 2 values: no, yes" in text
    assert "4 of 4 combinations occur, in 36 images" in text
    assert "images are left out" in text


def test_what_is_no_data_set(capsys):
    assert "Unknown data set 'nothing'" in shown(capsys, "nothing", code=2)
    assert "unbraid inspect needs DATA" in shown(capsys, code=2)


@pytest.mark.parametrize("n", [6, 80], ids=["training is refused", "training is told of"])
def test_images_are_read_once(n, tmp_path, monkeypatch, capsys):
    """What training would do is told of the data that were read, which may take long."""
    from unbraid.data.sets import folder

    for i in range(n):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / f"{i}.png")
    read, original = [], folder.read_pixels
    monkeypatch.setattr(folder, "read_pixels", lambda path, *rest: (read.append(path), original(path, *rest))[1])
    shown(capsys, str(tmp_path), "--size", "32")
    assert len(read) == n + 1  # the first once more, for its size
