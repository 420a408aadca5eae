import errno
import gzip
import hashlib
import socket
from pathlib import Path

import pytest

from unbraid.data.download import fetch
from unbraid.errors import CorruptFile, DataUnavailable

CONTENT = b"what the file holds" * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT, 1)
HINT = "Or install it."


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "set" / "file.gz"


def left_in(target: Path) -> list[Path]:
    return list(target.parent.iterdir())


@pytest.mark.parametrize("sent", [PACKED, gzip.compress(CONTENT, 9), CONTENT], ids=["gzip", "compressed anew", "raw"])
def test_a_file_with_the_expected_content_is_kept(server, answer, target, sent):
    server.answers["/file.gz"] = answer(sent)
    assert fetch(f"{server.url}/file.gz", target, sha256=DIGEST) == target
    assert target.read_bytes() == sent
    assert left_in(target) == [target]


def test_the_length_need_not_be_announced(server, answer, target, heard):
    server.answers["/file.gz"] = answer(PACKED, length=-1)
    fetch(f"{server.url}/file.gz", target, sha256=DIGEST)
    assert target.read_bytes() == PACKED
    assert heard.titles == []


def test_progress_is_counted_in_bytes(server, answer, target, heard):
    server.answers["/file.gz"] = answer(CONTENT)
    fetch(f"{server.url}/file.gz", target, sha256=DIGEST)
    assert heard.titles == ["downloading file.gz"]
    done = [done for done, _ in heard.reports]
    assert {total for _, total in heard.reports} == {len(CONTENT)}
    assert len(done) > 10
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert heard.closed == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"<html>Log in first</html>", "SHA-256 of its decompressed content is [0-9a-f]{64}, expected " + DIGEST),
        (gzip.compress(CONTENT[:-1] + b"!"), f"expected {DIGEST}"),
        (b"", f"expected {DIGEST}"),
        (PACKED[:-100], "no valid gzip file"),
    ],
    ids=["html", "altered", "empty", "truncated"],
)
def test_another_content_is_not_kept(server, answer, target, sent, reason):
    server.answers["/file.gz"] = answer(sent)
    with pytest.raises(CorruptFile, match=f"What {server.url}/file.gz sent is not .*{target}.*{reason}.*{HINT}"):
        fetch(f"{server.url}/file.gz", target, sha256=DIGEST, hint=HINT)
    assert left_in(target) == []


def test_a_connection_that_breaks_off(server, answer, target):
    server.answers["/file.gz"] = answer(PACKED[:-100], length=len(PACKED))
    with pytest.raises(DataUnavailable, match=rf"Could not download {server.url}/file.gz to {target}: .*broke off.*{HINT}"):
        fetch(f"{server.url}/file.gz", target, sha256=DIGEST, hint=HINT)
    assert left_in(target) == []


def test_a_server_that_does_not_have_it(server, target):
    with pytest.raises(DataUnavailable, match=r"answered 404 Not Found\. Or install it\.$"):
        fetch(f"{server.url}/other.gz", target, sha256=DIGEST, hint=HINT)
    assert left_in(target) == []


@pytest.fixture
def closed_port(monkeypatch) -> int:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_connection(closed_port, target):
    url = f"http://127.0.0.1:{closed_port}/file.gz"
    with pytest.raises(DataUnavailable) as caught:
        fetch(url, target, sha256=DIGEST, hint=HINT)
    assert str(caught.value) == (
        f"Could not download {url} to {target}: no connection to 127.0.0.1:{closed_port}; is there internet here? {HINT}"
    )
    assert left_in(target) == []


def test_a_server_that_stays_silent(monkeypatch, target):
    monkeypatch.setattr("unbraid.data.download.TIMEOUT", 0.05)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DataUnavailable, match="did not answer in time"):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/file.gz", target, sha256=DIGEST)
    assert left_in(target) == []


def test_an_address_that_is_none(target):
    with pytest.raises(DataUnavailable, match=r"Could not download nowhere/file\.gz"):
        fetch("nowhere/file.gz", target, sha256=DIGEST)


def test_a_failed_download_leaves_an_old_file_alone(server, answer, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    server.answers["/file.gz"] = answer(b"wrong")
    with pytest.raises(CorruptFile):
        fetch(f"{server.url}/file.gz", target, sha256=DIGEST)
    assert target.read_bytes() == b"old"
    assert left_in(target) == [target]


def test_a_full_disk(server, answer, target, monkeypatch):
    server.answers["/file.gz"] = answer(PACKED)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(DataUnavailable, match=r"No space left on device\..*UNBRAID_CACHE"):
        fetch(f"{server.url}/file.gz", target, sha256=DIGEST)
    assert left_in(target) == []


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataUnavailable, match="UNBRAID_CACHE"):
        fetch(f"{server.url}/file.gz", tmp_path / "cache" / "file.gz", sha256=DIGEST)
    assert server.asked == []
