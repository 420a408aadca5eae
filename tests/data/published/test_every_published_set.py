"""What every published data set promises, on files in the real formats; a new one is held to it without a line written here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.file_server import Answer
from helpers.published_stand_ins import STAND_INS, publish, write
from malformed.case import Case, assert_refused
from unbraid.cli.main import main
from unbraid.data import image_file
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.digest import digest_of
from unbraid.data.registry import datasets
from unbraid.errors import CorruptFile, DataUnavailable, UsageError

PUBLISHED = [entry.name for entry in datasets if "origin" in entry.details]
FETCHED = [name for name in PUBLISHED if datasets[name].details["kept"]()]
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>Try later</body></html>"
MADE = {name: STAND_INS[name].make() for name in STAND_INS}

every = pytest.mark.parametrize("name", PUBLISHED)
every_fetched = pytest.mark.parametrize("name", FETCHED)


@pytest.fixture(autouse=True)
def _layouts(monkeypatch):
    for stand_in in STAND_INS.values():
        stand_in.patch(monkeypatch)


@pytest.fixture
def online(server, monkeypatch):
    """Make the server hold a data set."""

    def serve(name: str) -> None:
        publish(name, MADE[name], server.url, monkeypatch)
        server.answers |= {f"/{file}": Answer(content, resumes=True) for file, content in MADE[name].items()}

    return serve


def pixels(data: Dataset) -> np.ndarray:
    return data.images.bytes(np.arange(len(data)))


def test_each_has_a_stand_in():
    assert sorted(STAND_INS) == PUBLISHED


@every
def test_files_that_one_has_are_read(name, tmp_path):
    folder = write(MADE[name], tmp_path / "mine")
    data = load_dataset(f"{name}:{folder}")
    assert data.name == name
    assert data.shape == (3 if STAND_INS[name].color else 1, 64, 64)
    assert 0 < len(data.test) < len(data) <= STAND_INS[name].n
    assert data.space is not None or data.labels is not None
    assert len(np.unique(pixels(data).reshape(len(data), -1), axis=0)) > len(data) / 2
    np.testing.assert_allclose(data.images.floats(np.arange(3)), pixels(data)[:3] / 255, atol=1e-6)


@every
def test_they_are_converted_once(name, tmp_path, heard, monkeypatch):
    folder = write(MADE[name], tmp_path / "mine")
    first = load_dataset(f"{name}:{folder}")
    assert len([title for title in heard.titles if title.startswith("converting")]) <= 1
    monkeypatch.setattr(image_file, "_write", None)
    heard.titles.clear()
    again = load_dataset(f"{name}:{folder}")
    assert heard.titles == []
    np.testing.assert_array_equal(pixels(again), pixels(first))
    assert digest_of(again) == digest_of(first)


@every
def test_gray_and_smaller(name, tmp_path):
    folder = write(MADE[name], tmp_path / "mine")
    whole = load_dataset(f"{name}:{folder}", gray=True)
    small = load_dataset(f"{name}:{folder}", gray=True, size=32)
    assert whole.shape == (1, 64, 64)
    assert small.shape == (1, 32, 32)
    halved = pixels(whole).reshape(len(whole), 1, 32, 2, 32, 2).mean((3, 5))
    assert np.abs(pixels(small) - halved).mean() < 25
    assert digest_of(small) != digest_of(whole)


@every_fetched
def test_it_is_downloaded_converted_and_then_here(name, online, server, capsys, cache, heard):
    online(name)
    assert main(["download", name, "--yes"]) == 0
    shown = capsys.readouterr().out
    published = datasets[name].details["origin"]
    assert f"license: {published.license}" in shown
    assert published.home in shown
    assert "ready, " in shown
    asked = len(server.asked)
    assert sorted(set(server.asked)) == sorted(f"/{file}" for file in MADE[name])
    data = load_dataset(name)
    assert len(data)
    assert main(["download", name]) == 0
    assert "already here" in capsys.readouterr().out
    assert len(server.asked) == asked
    assert not [path for path in cache.rglob("*") if path.name.endswith(".part")]


@every_fetched
def test_nothing_is_downloaded_that_nobody_agreed_to(name, online, server, capsys, monkeypatch):
    online(name)
    assert main(["download", name]) == 2
    assert f"unbraid download {name} --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: "n")
    assert main(["download", name]) == 2
    assert server.asked == []
    with pytest.raises(DataUnavailable, match=f"unbraid download {name}.*By hand: .*{name}:FOLDER"):
        load_dataset(name)
    assert server.asked == []


@every_fetched
def test_a_page_in_the_place_of_a_file_is_told(name, online, server, capsys, cache):
    online(name)
    first = next(iter(MADE[name]))
    server.answers[f"/{first}"] = Answer(PAGE, headers={"Content-Type": "text/html; charset=utf-8"})
    assert main(["download", name, "--yes"]) == 1
    shown = capsys.readouterr().err.replace("\n", " ")
    assert "Quota exceeded" in shown
    assert "By hand: (1)" in shown
    assert not [path for path in cache.rglob("*") if path.is_file()]


@every_fetched
def test_a_download_goes_on_after_a_break(name, online, server, cache):
    online(name)
    first, content = next(iter(MADE[name].items()))
    half = len(content) // 2
    server.answers[f"/{first}"] = [Answer(content, stop=half, resumes=True), Answer(content, resumes=True)]
    assert main(["download", name, "--yes"]) == 0
    assert (cache / name / first).read_bytes() == content
    assert f"bytes={half}-" in server.ranges


@every_fetched
def test_another_content_is_refused(name, online, server, capsys):
    online(name)
    remote = datasets[name].details["origin"].files[0]
    if not remote.digest:
        pytest.skip("no published checksum")
    content = MADE[name][remote.name]
    server.answers[f"/{remote.name}"] = Answer(content[:-1] + bytes([content[-1] ^ 1]))
    assert main(["download", name, "--yes"]) == 1
    assert f"{remote.digest.partition(':')[0].upper()} is" in capsys.readouterr().err.replace("\n", " ")


def spoiled(name: str) -> dict[str, tuple[str, bytes | None, str]]:
    """Files that are wrong, each with words of the message."""
    found: dict[str, tuple[str, bytes | None, str]] = dict(STAND_INS[name].spoiled(MADE[name]))
    for file in datasets[name].details["origin"].files:
        content = MADE[name].get(file.name)
        if content is None:
            continue
        found |= {
            f"{file.name} missing": (file.name, None, f"holds no {file.name}"),
            f"{file.name} is a page": (file.name, b"\n " + PAGE, "Quota exceeded"),
            f"{file.name} is empty": (file.name, b"", "empty"),
        }
        if not file.name.endswith((".txt", ".csv")):
            found |= {
                f"{file.name} is noise": (file.name, np.random.default_rng(0).bytes(5000), ""),
                f"{file.name} is cut": (file.name, content[: int(len(content) * 0.6)], ""),
            }
    return found


CASES = [(name, what) for name in PUBLISHED for what in spoiled(name)]


@pytest.mark.parametrize(("name", "what"), CASES, ids=[f"{name}-{what}" for name, what in CASES])
def test_what_is_wrong_is_refused_before_anything_is_kept(name, what, tmp_path, cache):
    file, content, says = spoiled(name)[what]
    files = {**MADE[name], file: content}
    folder = write({one: some for one, some in files.items() if some is not None}, tmp_path / "mine")
    assert_refused(Case(f"{name}:{folder}", says), tmp_path)
    assert not list(tmp_path.rglob("*evil*"))
    assert not [path for path in cache.rglob("*") if path.is_file()]


@every
def test_a_conversion_that_was_stopped_goes_on(name, tmp_path, monkeypatch, cache):
    folder = write(MADE[name], tmp_path / "mine")
    whole = load_dataset(f"{name}:{folder}")
    if not (cache / name).is_dir():
        pytest.skip("it is not converted")
    (path,) = (cache / name).iterdir()
    content = path.read_bytes()
    path.unlink()
    written = len(image_file._header((1, *whole.shape))) + 2 * int(np.prod(whole.shape)) + 100  # two images and a bit
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content[:written])
    with monkeypatch.context() as full:
        full.setattr(image_file.shutil, "disk_usage", lambda where: SimpleNamespace(free=0))
        with pytest.raises(DataUnavailable, match="are free"):
            load_dataset(f"{name}:{folder}")
    assert part.read_bytes() == content[: written - 100]
    digest = digest_of(load_dataset(f"{name}:{folder}"))
    assert path.read_bytes()[: -image_file._TAIL - 4000] == content[: -image_file._TAIL - 4000]
    assert digest == digest_of(whole)


@every
def test_a_store_that_was_cut_is_made_anew(name, tmp_path, cache):
    folder = write(MADE[name], tmp_path / "mine")
    first = digest_of(load_dataset(f"{name}:{folder}"))
    if not (cache / name).is_dir():
        pytest.skip("it is not converted")
    (path,) = (cache / name).iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert digest_of(load_dataset(f"{name}:{folder}")) == first


@every
def test_files_that_changed_are_converted_anew(name, tmp_path):
    folder = write(MADE[name], tmp_path / "mine")
    load_dataset(f"{name}:{folder}")
    first = folder / next(iter(MADE[name]))
    first.write_bytes(PAGE)
    with pytest.raises((CorruptFile, UsageError)):
        load_dataset(f"{name}:{folder}")


@every
def test_it_is_explained(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    origin = datasets[name].details["origin"]
    for said in (origin.home, origin.license, origin.terms, "By hand: (1)"):
        assert said in shown
    assert (f"unbraid download {name}" in shown) == bool(origin.kept())


@every
def test_whether_reports_embed_images(name, tmp_path):
    folder = write(MADE[name], tmp_path / "mine")
    own = datasets[name].options["redistributable"].default
    assert load_dataset(f"{name}:{folder}").redistributable is own
    assert load_dataset(f"{name}:{folder}", redistributable=not own).redistributable is not own


@pytest.mark.parametrize("options", [{"only": "scale=0"}, {"unseen": "scale=0"}, {"test_share": 0.3}])
def test_a_part_of_a_grid_is_known_by_a_digest_of_its_own(tmp_path, options):
    place = f"shapes3d:{write(MADE['shapes3d'], tmp_path / 'mine')}"
    assert digest_of(load_dataset(place, **options)) != digest_of(load_dataset(place))
    assert digest_of(load_dataset(place, **options)) == digest_of(load_dataset(place, **options))


@every
def test_the_page_of_data_sets_has_it(name):
    page = (Path(__file__).parents[3] / "docs" / "data-sets.md").read_text()
    published = datasets[name].details["origin"]
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    assert published.home in row
    assert published.license in row
    kinds = {remote.digest.partition(":")[0] for remote in published.files if remote.digest}
    for kind, word in (("md5", "MD5"), ("sha256", "SHA-256")):
        assert (word in row) == (kind in kinds)
    assert ("no published checksum" in row) == (not kinds)
