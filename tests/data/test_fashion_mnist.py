import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from unbraid.data import fashion_mnist as module
from unbraid.data.dataset import load_dataset
from unbraid.data.gzipped import raw_sha256
from unbraid.errors import CorruptFile, DataUnavailable, UsageError

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
TRAIN, TEST = 7, 3
PACKAGE, PUBLISHED = module.SYSTEM_FOLDER, module.SHA256


def stand_ins() -> dict[str, bytes]:
    """Ten small images in the real format: seven for training, three for testing."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", TRAIN), ("t10k", TEST)):
        pixels = rng.integers(0, 256, size=(n, 28, 28), dtype=np.uint8)
        contents[f"{part}-images-idx3-ubyte"] = struct.pack(">4I", 2051, n, 28, 28) + pixels.tobytes()
        contents[f"{part}-labels-idx1-ubyte"] = struct.pack(">2I", 2049, n) + bytes(rng.integers(0, 10, size=n).tolist())
    return contents


CONTENTS = stand_ins()
PIXELS = np.concatenate(
    [np.frombuffer(CONTENTS[name], np.uint8, offset=16).reshape(-1, 28, 28) for name in (NAMES[0], NAMES[2])]
)
CLASSES = np.concatenate([np.frombuffer(CONTENTS[name], np.uint8, offset=8) for name in (NAMES[1], NAMES[3])])


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of Debian's package, empty; the digests of the stand-ins; and nowhere to download from."""
    folder = tmp_path / "debian"
    folder.mkdir()
    monkeypatch.setattr(module, "SYSTEM_FOLDER", folder)
    monkeypatch.setattr(module, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()})
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


def put(folder: Path, names=NAMES, pack=gzip.compress, suffix=".gz") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}{suffix}").write_bytes(pack(CONTENTS[name]))


def check_content(dataset) -> None:
    assert np.array_equal(dataset.images.bytes(np.arange(TRAIN + TEST)), PIXELS[:, None])
    assert dataset.labels.tolist() == CLASSES.tolist()
    assert dataset.test.tolist() == [7, 8, 9]
    assert dataset.train.tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_the_files_of_the_package_are_used(system, cache):
    put(system)
    dataset = load_dataset("fashion_mnist", size=28)
    check_content(dataset)
    assert (dataset.space, dataset.factors, dataset.walk) == (None, None, None)
    assert dataset.label_names[0] == "T-shirt/top"
    assert dataset.label_names[9] == "Ankle boot"
    assert len(dataset.label_names) == 10
    assert not cache.exists()


def test_files_in_the_cache_go_first(system, cache):
    put(cache / "fashion_mnist", NAMES[:2])
    put(cache / "fashion_mnist", NAMES[2:], pack=bytes, suffix="")  # unpacked by hand
    for name in NAMES:
        (system / f"{name}.gz").write_bytes(b"never looked at")
    check_content(load_dataset("fashion_mnist", size=28))


def test_missing_files_are_downloaded_once(system, cache, server, answer, monkeypatch):
    monkeypatch.setattr(module, "URL", f"{server.url}/")
    put(system, NAMES[:1])
    server.answers.update({f"/{name}.gz": answer(gzip.compress(CONTENTS[name])) for name in NAMES})
    check_content(load_dataset("fashion_mnist", size=28))
    assert sorted(server.asked) == sorted(f"/{name}.gz" for name in NAMES[1:])
    check_content(load_dataset("fashion_mnist", size=28))
    assert len(server.asked) == 3
    assert sorted(path.name for path in (cache / "fashion_mnist").iterdir()) == sorted(f"{name}.gz" for name in NAMES[1:])


def test_without_internet_the_error_says_what_to_do(cache):
    with pytest.raises(DataUnavailable) as caught:
        load_dataset("fashion_mnist")
    text = str(caught.value)
    name = f"{NAMES[1]}.gz"
    assert text.startswith(f"Could not download http://127.0.0.1:1/{name} to {cache / 'fashion_mnist' / name}: no connection")
    assert "`apt install dataset-fashion-mnist` provides it" in text
    assert f"put {name} into {cache / 'fashion_mnist'}" in text
    assert list((cache / "fashion_mnist").iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_altered_file_of_the_package_is_named(system, name):
    put(system)
    content = CONTENTS[name]
    (system / f"{name}.gz").write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    with pytest.raises(CorruptFile, match=rf"{system}/{name}.gz .*not the expected.*apt install --reinstall"):
        load_dataset("fashion_mnist")


def test_a_broken_file_in_the_cache_is_named_and_kept(system, cache):
    put(system)
    folder = cache / "fashion_mnist"
    put(folder, NAMES[2:3], pack=lambda content: gzip.compress(content)[:-20])
    with pytest.raises(CorruptFile, match=rf"{folder}/{NAMES[2]}.gz is no valid gzip.*Remove it, and it will be fetched again"):
        load_dataset("fashion_mnist")
    assert len(list(folder.iterdir())) == 1


def test_what_is_sent_instead_is_not_kept(cache, server, answer, monkeypatch):
    monkeypatch.setattr(module, "URL", f"{server.url}/")
    server.answers.update({f"/{name}.gz": answer(b"<html>") for name in NAMES})
    with pytest.raises(CorruptFile, match=r"not the expected file.*apt install dataset-fashion-mnist"):
        load_dataset("fashion_mnist")
    assert list((cache / "fashion_mnist").iterdir()) == []


def test_images_are_resized_to_32(system):
    put(system)
    dataset = load_dataset("fashion_mnist")
    assert dataset.shape == (1, 32, 32)
    images = dataset.images.bytes(np.arange(10))[:, 0].astype(float)
    # rows and columns 14 and 15 of 32 lie 13/16 and 11/16 of the way from one of the 28 to the next
    weights = {14: (12, 3 / 16), 15: (13, 1 / 16)}
    for row, (top, below) in weights.items():
        for column, (left, right) in weights.items():
            corner = PIXELS[:, top : top + 2, left : left + 2].astype(float)
            expected = np.einsum("nij,i,j->n", corner, [1 - below, below], [1 - right, right])
            assert np.abs(images[:, row, column] - expected).max() <= 0.5


def test_other_sizes_are_refused():
    with pytest.raises(UsageError, match="--size of data set 'fashion_mnist' is 64; allowed: 28, 32"):
        load_dataset("fashion_mnist", size=64)


def test_published_files_on_this_machine_have_the_published_content():
    """All four where Debian's package is installed; compressed anew there, so that only the content is the same."""
    for path in PACKAGE.glob("*-ubyte.gz"):
        assert raw_sha256(path) == PUBLISHED[path.stem]
    assert sorted(PUBLISHED) == sorted(NAMES)
