import gzip
from pathlib import Path

import numpy as np
import pytest

from helpers.idx_stand_in import expect, stand_in
from unbraid.data.dataset import load_dataset
from unbraid.data.files.gzipped import raw_sha256
from unbraid.data.sets import fashion_mnist, mnist
from unbraid.errors import CorruptFile, DataUnavailable, UsageError

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
FILES = {"mnist": mnist.FILES, "fashion_mnist": fashion_mnist.FILES}
PACKAGE, PUBLISHED = fashion_mnist.FILES.system_folder, dict(fashion_mnist.FILES.sha256)
TRAIN, TEST = 7, 3
CONTENTS = stand_in(TRAIN, TEST)
PIXELS = np.concatenate(
    [np.frombuffer(CONTENTS[name], np.uint8, offset=16).reshape(-1, 28, 28) for name in (NAMES[0], NAMES[2])]
)
CLASSES = np.concatenate([np.frombuffer(CONTENTS[name], np.uint8, offset=8) for name in (NAMES[1], NAMES[3])])

either = pytest.mark.parametrize("name", FILES)


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the system's package, empty; the digests of ten small images; and nowhere to download from."""
    folder = tmp_path / "debian"
    folder.mkdir()
    for files in FILES.values():
        expect(files, CONTENTS, folder, monkeypatch)
        monkeypatch.setattr(files, "mirrors", ("http://127.0.0.1:1/", "http://127.0.0.1:1/again/"))
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


@either
def test_the_files_of_the_package_are_used(system, cache, name):
    put(system)
    dataset = load_dataset(name, size=28)
    assert dataset.name == name
    check_content(dataset)
    assert (dataset.space, dataset.factors, dataset.walk) == (None, None, None)
    assert not cache.exists()


def test_classes_have_names(system):
    put(system)
    clothes, digits = load_dataset("fashion_mnist").label_names, load_dataset("mnist").label_names
    assert (len(clothes), clothes[0], clothes[9]) == (10, "T-shirt/top", "Ankle boot")
    assert [int(name) for name in digits] == list(range(10))


@either
def test_files_in_the_cache_go_first(system, cache, name):
    put(cache / name, NAMES[:2])
    put(cache / name, NAMES[2:], pack=bytes, suffix="")  # unpacked by hand
    for file in NAMES:
        (system / f"{file}.gz").write_bytes(b"never looked at")
    check_content(load_dataset(name, size=28))


@either
def test_missing_files_are_downloaded_once(system, cache, server, answer, monkeypatch, name):
    monkeypatch.setattr(FILES[name], "mirrors", (f"{server.url}/gone/", f"{server.url}/"))
    put(system, NAMES[:1])
    server.answers.update({f"/{file}.gz": answer(gzip.compress(CONTENTS[file])) for file in NAMES})
    check_content(load_dataset(name, size=28))
    assert sorted(server.asked) == sorted(f"{folder}/{file}.gz" for file in NAMES[1:] for folder in ("", "/gone"))
    check_content(load_dataset(name, size=28))
    assert len(server.asked) == 6
    assert sorted(path.name for path in (cache / name).iterdir()) == sorted(f"{file}.gz" for file in NAMES[1:])


@either
def test_without_internet_the_error_says_what_to_do(cache, name):
    with pytest.raises(DataUnavailable) as caught:
        load_dataset(name)
    text = str(caught.value)
    file = f"{NAMES[1]}.gz"
    assert text.startswith(
        f"Could not download {file} to {cache / name / file}. Tried http://127.0.0.1:1/{file}: no connection"
    )
    assert f"http://127.0.0.1:1/again/{file}: no connection" in text
    assert "put the file there yourself" in text
    assert ("`apt install dataset-fashion-mnist` provides it" in text) == (name == "fashion_mnist")
    assert list((cache / name).iterdir()) == []


@pytest.mark.parametrize("file", NAMES)
def test_an_altered_file_of_the_package_is_named(system, file):
    put(system)
    content = CONTENTS[file]
    (system / f"{file}.gz").write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    with pytest.raises(CorruptFile, match=rf"{system}/{file}.gz .*not the expected.*apt install --reinstall dataset-fashion"):
        load_dataset("fashion_mnist")


@either
def test_a_broken_file_in_the_cache_is_named_and_kept(system, cache, name):
    put(system)
    put(cache / name, NAMES[2:3], pack=lambda content: gzip.compress(content)[:-20])
    broken = f"{cache / name / NAMES[2]}.gz is no valid gzip.*Remove it, and it will be fetched again"
    with pytest.raises(CorruptFile, match=broken):
        load_dataset(name)
    assert len(list((cache / name).iterdir())) == 1


@either
def test_images_are_resized_to_32(system, name):
    put(system)
    dataset = load_dataset(name)
    assert dataset.shape == (1, 32, 32)
    images = dataset.images.bytes(np.arange(10))[:, 0].astype(float)
    # rows and columns 14 and 15 of 32 lie 13/16 and 11/16 of the way from one of the 28 to the next
    weights = {14: (12, 3 / 16), 15: (13, 1 / 16)}
    for row, (top, below) in weights.items():
        for column, (left, right) in weights.items():
            corner = PIXELS[:, top : top + 2, left : left + 2].astype(float)
            expected = np.einsum("nij,i,j->n", corner, [1 - below, below], [1 - right, right])
            assert np.abs(images[:, row, column] - expected).max() <= 0.5


@either
def test_mirror_images_follow_where_they_are_asked_for(system, name):
    put(system)
    plain, flipped = load_dataset(name, size=28), load_dataset(name, size=28, horizontal_flip=True)
    assert len(plain) == TRAIN + TEST
    assert flipped.test.tolist() == [7, 8, 9]
    images = flipped.images.bytes(np.arange(len(flipped)))[:, 0]
    assert np.array_equal(images[:10], PIXELS)
    assert np.array_equal(images[10:], PIXELS[:TRAIN, :, ::-1])
    assert flipped.labels[10:].tolist() == CLASSES[:TRAIN].tolist()


@either
def test_other_sizes_are_refused(name):
    with pytest.raises(UsageError, match=f"--size of data set '{name}' is 64; allowed: 28, 32"):
        load_dataset(name, size=64)


def test_published_files_on_this_machine_have_the_published_content():
    """All four where Debian's package is installed; compressed anew there, so that only the content is the same."""
    for path in PACKAGE.glob("*-ubyte.gz"):
        assert raw_sha256(path) == PUBLISHED[path.stem]
    assert sorted(PUBLISHED) == sorted(NAMES)
