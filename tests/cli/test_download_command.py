"""unbraid download, as its users meet it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from helpers.file_server import Answer, serving
from helpers.idx_stand_in import expect, stand_in
from unbraid.cli.main import main
from unbraid.data.dataset import load_dataset
from unbraid.data.registry import datasets
from unbraid.data.sets import dsprites as dsprites_module
from unbraid.data.sets import fashion_mnist, mnist

CONTENTS = stand_in(60, 20)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and no files of the system's."""
    for files in (mnist.FILES, fashion_mnist.FILES):
        expect(files, CONTENTS, tmp_path / "nothing here", monkeypatch)
        monkeypatch.setattr(files, "mirrors", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def online(monkeypatch):
    """A server that has all files."""
    with serving() as server:
        server.answers = {f"/{name}.gz": Answer(gzip.compress(content)) for name, content in CONTENTS.items()}
        for files in (mnist.FILES, fashion_mnist.FILES):
            monkeypatch.setattr(files, "mirrors", (f"{server.url}/",))
        yield server


def run(capsys, *names: str) -> tuple[int, list[str], str]:
    code = main(["download", *names])
    shown = capsys.readouterr()
    return code, shown.out.splitlines(), shown.err


def sizes(name: str) -> str:
    return f"{len(gzip.compress(CONTENTS[name])) / 1e3:,.1f} kB"


def test_all_files_are_fetched_and_named(capsys, cache, online):
    code, out, err = run(capsys, "mnist")
    assert code == 0
    assert out == [f"mnist: downloaded {cache}/mnist/{name}.gz ({sizes(name)})" for name in CONTENTS]
    assert "downloading train-images-idx3-ubyte.gz" in err
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(f"{name}.gz" for name in CONTENTS)
    online.answers = {}
    assert len(load_dataset("mnist")) == 80


def test_what_is_here_is_not_fetched_again(capsys, cache, online):
    run(capsys, "mnist")
    (cache / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    asked = len(online.asked)
    code, out, _ = run(capsys, "mnist")
    assert code == 0
    assert [line.split(" /")[0] for line in out] == ["mnist: already here,"] * 3 + ["mnist: downloaded"]
    assert online.asked[asked:] == ["/t10k-labels-idx1-ubyte.gz"]


def test_several_data_sets_each_once(capsys, cache, online):
    code, out, _ = run(capsys, "mnist", "fashion_mnist", "mnist", "ellipses")
    assert code == 0
    assert [line.split(":")[0] for line in out] == ["mnist"] * 4 + ["fashion_mnist"] * 4 + ["ellipses keeps no files"]
    assert out[-1].endswith("there is nothing to download.")


def test_without_a_name_it_lists_what_is_here(capsys, cache, online):
    run(capsys, "mnist")
    run(capsys, "fashion_mnist")
    (cache / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    code, out, _ = run(capsys)
    assert code == 0
    end = out.index("")
    states = {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in out[:end]}
    total = sum(path.stat().st_size for path in (cache / "mnist").iterdir())
    assert states["mnist"] == f"here, {total / 1e3:,.1f} kB, in {cache}/mnist"
    assert states["fashion_mnist"] == "1 of 4 files not here; can be downloaded"
    assert states["dsprites"] == "not here; is drawn when it is first used"
    rest = {entry.name for entry in datasets} - set(states)
    assert states["shapes3d"] == "not here; can be downloaded (267.6 MB)"
    assert set(out[end + 1].removeprefix("Nothing to download: ").removesuffix(".").split(", ")) == rest
    assert out[end + 2] == f"Cache: {cache}"


def test_listing_makes_no_folder(capsys, cache):
    assert run(capsys)[0] == 0
    assert not cache.exists()


def test_drawn_data_sets_are_drawn(capsys, cache, monkeypatch):
    space, _ = dsprites_module.dsprites_space().subgrid(shape=[0], scale=[5], orientation=[0])
    monkeypatch.setattr(dsprites_module, "dsprites_space", lambda: space)
    (path,) = [f"{cache}/dsprites-geometry{dsprites_module.GEOMETRY}.npy"]
    assert run(capsys, "dsprites")[:2] == (0, [f"dsprites: drawn {path} (0.5 MB)"])
    assert run(capsys, "dsprites")[:2] == (0, [f"dsprites: already here, {path} (0.5 MB)"])


def test_without_internet(capsys, cache):
    code, out, err = run(capsys, "mnist")
    assert (code, out) == (1, [])
    assert err.startswith(
        f"Error: Could not download train-images-idx3-ubyte.gz to {cache}/mnist/train-images-idx3-ubyte.gz. Tried http://127.0.0.1:1/train-"
    )
    assert "put the file there yourself" in err


def test_a_name_that_does_not_exist_is_told_before_anything_is_fetched(capsys, online):
    code, out, err = run(capsys, "mnist", "mnits")
    assert (code, out) == (2, [])
    assert "Unknown data set 'mnits'. Did you mean 'mnist'?" in err
    assert online.asked == []


def test_options_and_help(capsys):
    assert run(capsys, "--foo")[0] == 2
    code, out, _ = run(capsys, "mnist", "--help")
    assert code == 0
    assert any("Usage: unbraid download" in line for line in out)


def test_a_damaged_file_in_the_cache_is_fetched_anew(capsys, cache, online):
    run(capsys, "mnist")
    damaged = cache / "mnist" / "train-images-idx3-ubyte.gz"
    for content in (damaged.read_bytes()[:100], gzip.compress(b"something else"), b""):
        damaged.write_bytes(content)
        code, out, _ = run(capsys, "mnist")
        assert code == 0
        assert [line.split(" /")[0] for line in out] == ["mnist: downloaded", *["mnist: already here,"] * 3]
        assert len(load_dataset("mnist")) == 80
