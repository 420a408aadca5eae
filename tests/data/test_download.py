import errno
import gzip
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from requests import exceptions

from unbraid.data import download as module
from unbraid.data.download import fetch
from unbraid.errors import DataUnavailable
from unbraid.progress import listening

CONTENT = b"what the file holds" * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT, 1)
OTHER = bytes(reversed(CONTENT))
CHUNK = module._CHUNK
HALF = 11 * CHUNK  # of the 23 and a bit that CONTENT has
HINT = "Or install it."


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "set" / "file.gz"


@pytest.fixture
def part(target: Path) -> Path:
    return target.parent / ".file.gz.part"


@pytest.fixture
def get(server, target):
    """Fetch the file from this server."""
    return lambda: fetch([f"{server.url}/file.gz"], target, sha256=DIGEST, size=len(CONTENT), hint=HINT)


def left_in(target: Path) -> list[Path]:
    return list(target.parent.iterdir())


def put(part: Path, content: bytes) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(content)


@pytest.mark.parametrize("sent", [PACKED, gzip.compress(CONTENT, 9), CONTENT], ids=["gzip", "compressed anew", "raw"])
def test_a_file_with_the_expected_content_is_kept(server, answer, target, get, sent):
    server.answers["/file.gz"] = answer(sent)
    assert get() == target
    assert target.read_bytes() == sent
    assert left_in(target) == [target]
    assert server.ranges == [None]


def test_the_length_need_not_be_announced(server, answer, target, heard, get):
    server.answers["/file.gz"] = answer(PACKED, length=-1)
    get()
    assert target.read_bytes() == PACKED
    assert heard.titles == []


def test_a_redirect_is_followed(server, answer, target, get):
    server.answers["/file.gz"] = answer(status=302, headers={"Location": "/elsewhere"})
    server.answers["/elsewhere"] = answer(PACKED)
    get()
    assert target.read_bytes() == PACKED


def test_progress_is_counted_in_bytes(server, answer, target, heard, get):
    server.answers["/file.gz"] = answer(CONTENT)
    get()
    assert heard.titles == ["downloading file.gz"]
    done = [done for done, _ in heard.reports]
    assert {total for _, total in heard.reports} == {len(CONTENT)}
    assert len(done) > 10
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert heard.closed == 1


def test_progress_goes_on_where_the_transfer_does(server, answer, heard, part, get):
    put(part, CONTENT[:HALF])
    server.answers["/file.gz"] = answer(CONTENT, resumes=True)
    get()
    done = [done for done, _ in heard.reports]
    assert HALF < done[0] < HALF + 20_000
    assert done[-1] == len(CONTENT)
    assert {total for _, total in heard.reports} == {len(CONTENT)}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"<html>Log in first</html>", "it is a web page .without a title. under the name of the file"),
        (gzip.compress(CONTENT[:-1] + b"!"), f"expected {DIGEST}"),
        (b"", "it is empty"),
        (PACKED[:-100], "no valid gzip file"),
    ],
    ids=["html", "altered", "empty", "truncated"],
)
def test_another_content_is_not_kept(server, answer, target, get, sent, reason):
    server.answers["/file.gz"] = answer(sent)
    with pytest.raises(
        DataUnavailable, match=f"download file.gz to {target}.*{server.url}/file.gz: not the expected file: .*{reason}.*{HINT}"
    ):
        get()
    assert left_in(target) == []
    assert len(server.asked) == 1


def test_a_transfer_that_breaks_off_goes_on_from_there(server, answer, target, get):
    server.answers["/file.gz"] = [answer(CONTENT, stop=HALF, resumes=True), answer(CONTENT, resumes=True)]
    get()
    assert target.read_bytes() == CONTENT
    assert left_in(target) == [target]
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_a_bad_line_is_no_reason_to_give_up_while_something_arrives(server, answer, target, get):
    server.answers["/file.gz"] = answer(CONTENT, stop=3 * CHUNK, resumes=True)
    get()
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, *(f"bytes={start}-" for start in range(3 * CHUNK, len(CONTENT), 3 * CHUNK))]


def test_a_server_that_cannot_resume_sends_it_all_again(server, answer, target, get):
    server.answers["/file.gz"] = [answer(CONTENT, stop=HALF), answer(CONTENT)]
    get()
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_one_that_always_breaks_off_is_given_up_and_what_came_is_kept(server, answer, target, part, get):
    server.answers["/file.gz"] = answer(CONTENT, stop=HALF)
    with pytest.raises(DataUnavailable, match=rf"file.gz: .*broke off before the end\. What has arrived is kept.*{HINT}"):
        get()
    assert left_in(target) == [part]
    assert part.read_bytes() == CONTENT[:HALF]
    assert len(server.asked) == 1 + module.TRIES - 1
    server.answers["/file.gz"] = answer(CONTENT, resumes=True)
    get()
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={HALF}-"


@pytest.mark.parametrize(
    "there", [OTHER[:HALF], PACKED[:500], CONTENT + b"more", OTHER], ids=["old", "packed", "longer", "other"]
)
@pytest.mark.parametrize("resumes", [True, False])
def test_what_was_there_never_spoils_the_file(server, answer, target, part, get, there, resumes):
    put(part, there)
    server.answers["/file.gz"] = answer(CONTENT, resumes=resumes)
    get()
    assert target.read_bytes() == CONTENT
    assert left_in(target) == [target]
    assert server.ranges == ([f"bytes={len(there)}-", None] if resumes else [f"bytes={len(there)}-"])


def test_a_whole_part_needs_no_server(server, target, part, get):
    put(part, PACKED)
    get()
    assert target.read_bytes() == PACKED
    assert left_in(target) == [target]
    assert server.asked == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(server, answer, target, get, monkeypatch, status):
    slept = []
    monkeypatch.setattr(module, "BACKOFF", 1.0)
    monkeypatch.setattr(module.time, "sleep", slept.append)
    server.answers["/file.gz"] = [answer(status=status), answer(status=status), answer(PACKED)]
    get()
    assert target.read_bytes() == PACKED
    assert slept == [1, 2]


def test_a_server_that_stays_busy(server, answer, target, get):
    server.answers["/file.gz"] = answer(b"later", status=503)
    with pytest.raises(DataUnavailable, match=r"/file.gz: answered 503 Service Unavailable\. Try again later"):
        get()
    assert len(server.asked) == module.TRIES
    assert left_in(target) == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_server_that_does_not_have_it_is_asked_once(server, answer, target, get, status):
    server.answers["/file.gz"] = answer(b"no such file", status=status)
    with pytest.raises(DataUnavailable, match=rf"answered {status} .*{HINT}$"):
        get()
    assert len(server.asked) == 1
    assert left_in(target) == []


def test_a_length_that_is_too_small(server, answer, target, get):
    server.answers["/file.gz"] = answer(PACKED, length=len(PACKED) - 100)
    with pytest.raises(DataUnavailable, match="no valid gzip file"):
        get()
    assert left_in(target) == []


def test_a_length_that_is_too_large(server, answer, target, get):
    server.answers["/file.gz"] = answer(PACKED, length=len(PACKED) + 100)
    with pytest.raises(DataUnavailable, match="broke off before the end"):
        get()
    assert not target.exists()


def test_a_length_that_is_no_number(server, answer, target, get):
    server.answers["/file.gz"] = answer(PACKED, headers={"Content-Length": "many"})
    with pytest.raises(DataUnavailable, match="sent a malformed answer"):
        get()
    assert left_in(target) == []


def test_mirrors_are_tried_in_order(server, answer, target):
    server.answers["/b"] = answer(b"<html>")
    server.answers["/c"] = answer(PACKED)
    server.answers["/d"] = answer(PACKED)
    fetch([f"{server.url}/{name}" for name in "abcd"], target, sha256=DIGEST, size=len(CONTENT))
    assert target.read_bytes() == PACKED
    assert server.asked == ["/a", "/b", "/c"]
    assert left_in(target) == [target]


def test_a_mirror_goes_on_where_another_broke_off(server, answer, target):
    server.answers["/a"] = [answer(CONTENT, stop=HALF), answer(status=404)]
    server.answers["/b"] = answer(CONTENT, resumes=True)
    fetch([f"{server.url}/a", f"{server.url}/b"], target, sha256=DIGEST, size=len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={HALF}-"


def test_the_error_names_every_mirror_and_what_to_do(server, answer, target):
    server.answers["/b"] = answer(b"<html>")
    with pytest.raises(DataUnavailable) as caught:
        fetch([f"{server.url}/{name}" for name in "ab"], target, sha256=DIGEST, size=len(CONTENT), hint=HINT)
    text = str(caught.value)
    assert text.startswith(
        f"Could not download {target.name} to {target}. Tried {server.url}/a: answered 404 Not Found; {server.url}/b: not the"
    )
    assert text.endswith(f". Try again later, or with internet; or put the file there yourself. {HINT}")


@pytest.fixture
def closed_port(monkeypatch) -> int:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_connection(closed_port, target, monkeypatch):
    monkeypatch.setattr(module.time, "sleep", pytest.fail)  # another try would not help
    url = f"http://127.0.0.1:{closed_port}/file.gz"
    with pytest.raises(DataUnavailable) as caught:
        fetch([url], target, sha256=DIGEST, size=len(CONTENT), hint=HINT)
    assert str(caught.value) == (
        f"Could not download {target.name} to {target}. Tried {url}: no connection to 127.0.0.1:{closed_port}. Try again "
        "later, or with "
        f"internet; or put the file there yourself. {HINT}"
    )
    assert left_in(target) == []


def test_a_server_that_never_answers(monkeypatch, target):
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.05))
    monkeypatch.setattr(module, "BACKOFF", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DataUnavailable, match="did not answer in time"):
        fetch([f"http://127.0.0.1:{silent.getsockname()[1]}/file.gz"], target, sha256=DIGEST, size=len(CONTENT))
    assert left_in(target) == []


def test_a_server_that_falls_silent_is_asked_for_the_rest(server, answer, target, get, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.1))
    silence = threading.Event()
    server.answers["/file.gz"] = [answer(CONTENT, pause=(HALF, silence)), answer(CONTENT, resumes=True)]
    get()
    silence.set()
    assert target.read_bytes() == CONTENT
    assert 0 < int(server.ranges[1].removeprefix("bytes=").removesuffix("-")) <= HALF


def test_redirects_that_go_round(server, answer, target, get):
    server.answers["/file.gz"] = answer(status=302, headers={"Location": "/file.gz"})
    with pytest.raises(DataUnavailable, match="Exceeded 30 redirects"):
        get()
    assert len(server.asked) == 31


@pytest.mark.parametrize(
    ("error", "reason", "passing"),
    [
        (exceptions.SSLError("bad certificate"), r"no connection to host \(bad certificate\)", False),
        (exceptions.ProxyError("no proxy"), r"no connection to host \(no proxy\)", False),
        (exceptions.ConnectTimeout("late"), "host did not answer in time", False),
        (exceptions.ReadTimeout("late"), "host did not answer in time", True),
        (exceptions.ConnectionError("reset by peer"), "host broke off before the end", True),
        (exceptions.ChunkedEncodingError("short"), "host broke off before the end", True),
        (exceptions.InvalidURL("no such"), "no such", False),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else "",
)
def test_which_failures_pass(error, reason, passing):
    failure = module._described(error, "https://host/file.gz")
    assert re.fullmatch(reason, str(failure))
    assert failure.passing == passing


def test_an_address_that_is_none(target):
    with pytest.raises(DataUnavailable, match=r"Tried nowhere/file\.gz: "):
        fetch(["nowhere/file.gz"], target, sha256=DIGEST, size=len(CONTENT))


def test_a_failed_download_leaves_an_old_file_alone(server, answer, target, get):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    server.answers["/file.gz"] = answer(b"wrong")
    with pytest.raises(DataUnavailable):
        get()
    assert target.read_bytes() == b"old"
    assert left_in(target) == [target]
    server.answers["/file.gz"] = answer(PACKED)
    get()
    assert target.read_bytes() == PACKED


def test_a_full_disk(server, answer, target, part, get, monkeypatch):
    server.answers["/file.gz"] = answer(PACKED)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(DataUnavailable, match=r"No space left on device\..*UNBRAID_CACHE"):
            get()
    assert left_in(target) == [part]
    get()
    assert target.read_bytes() == PACKED


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataUnavailable, match="UNBRAID_CACHE"):
        fetch([f"{server.url}/file.gz"], tmp_path / "cache" / "file.gz", sha256=DIGEST, size=len(CONTENT))
    assert server.asked == []


def test_a_second_one_waits_for_the_first(server, answer, target, get, heard):
    go_on = threading.Event()
    server.answers["/file.gz"] = answer(CONTENT, pause=(HALF, go_on))
    first, second = threading.Thread(target=get), threading.Thread(target=lambda: listened(get, heard, go_on))
    first.start()
    while not server.asked:
        time.sleep(0.001)
    second.start()
    for thread in (first, second):
        thread.join(10)
    assert heard.titles == ["waiting for another process to download file.gz"]
    assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT
    assert left_in(target) == [target]


def listened(get, heard, go_on) -> None:
    def listener(title: str):
        go_on.set()  # only when the second one is seen to wait does the first get the rest
        return heard(title)

    with listening(listener):
        get()


FETCH = "import sys; from pathlib import Path; from unbraid.data.download import fetch; "
FETCH += "fetch([sys.argv[1]], Path(sys.argv[2]), sha256=sys.argv[3], size=380_000)"


def process(server, target) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", FETCH, f"{server.url}/file.gz", target, DIGEST])


def test_two_processes_at_once_both_end_well(server, answer, target):
    server.answers["/file.gz"] = answer(CONTENT)
    assert [started.wait(30) for started in [process(server, target), process(server, target)]] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert left_in(target) == [target]


def test_a_killed_process_is_no_loss(server, answer, target, part, get):
    go_on = threading.Event()
    server.answers["/file.gz"] = [answer(CONTENT, pause=(HALF, go_on)), answer(CONTENT, resumes=True)]
    started = process(server, target)
    while not (part.exists() and part.stat().st_size > 100_000):
        time.sleep(0.005)
    started.send_signal(signal.SIGKILL)
    started.wait()
    go_on.set()
    size = part.stat().st_size
    get()
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={size}-"]
    assert left_in(target) == [target]


def test_no_more_than_the_expected_size_is_taken(server, answer, target, get):
    server.answers["/file.gz"] = answer(bytes(50 * len(CONTENT)))
    with pytest.raises(DataUnavailable, match=r"announces 19,000,000 bytes; expected at most 381,404"):
        get()
    server.answers["/file.gz"] = answer(bytes(50 * len(CONTENT)), length=-1)
    with pytest.raises(DataUnavailable, match=r"sends more than the 381,404 bytes that were expected"):
        get()
    assert left_in(target) == []


def test_a_small_file_that_decompresses_to_much_is_not_decompressed(server, answer, target, get, monkeypatch):
    server.answers["/file.gz"] = answer(gzip.compress(bytes(50_000_000), 1))
    monkeypatch.setattr("unbraid.data.files.gzipped._CHUNK", 1 << 16)
    with pytest.raises(DataUnavailable, match="holds more than the 380,000 bytes"):
        get()
    assert left_in(target) == []


def test_a_mirror_that_only_trickles_is_given_up(server, answer, target, part, get, monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 0.3)
    monkeypatch.setattr(module, "SLOWEST", 10_000)
    server.answers["/file.gz"] = answer(CONTENT, trickle=(100, 0.02))
    with pytest.raises(DataUnavailable, match=r"sends less than 10,000 bytes per second\. What has arrived is kept"):
        get()
    assert len(server.asked) == 1
    assert CONTENT.startswith(part.read_bytes())


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_nothing_is_written_through_a_part_that_is_no_file_of_its_own(server, answer, target, part, get, tmp_path, kind):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    part.parent.mkdir(parents=True)
    {"link": lambda: part.symlink_to(mine), "hard link": lambda: part.hardlink_to(mine), "pipe": lambda: os.mkfifo(part)}[
        kind
    ]()
    server.answers["/file.gz"] = answer(PACKED)
    with pytest.raises(DataUnavailable, match="remove it"):
        get()
    assert mine.read_text() == "mine"
    assert not target.exists()


def test_without_locks_the_part_has_a_name_of_its_own(server, answer, target, part, get, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:HALF])  # another process may be writing to it
    server.answers["/file.gz"] = answer(CONTENT, resumes=True)
    get()
    assert target.read_bytes() == CONTENT
    assert part.read_bytes() == CONTENT[:HALF]
    assert sorted(left_in(target)) == [part, target]


PAGE = b"<!doctype html><html><head><title>Sign &amp; in</title></head></html>"


def test_a_page_does_not_spoil_what_has_arrived(server, answer, target, part, get):
    put(part, CONTENT[:HALF])
    server.answers["/file.gz"] = answer(PAGE, headers={"Content-Type": "text/html"})
    with pytest.raises(DataUnavailable, match=r"answers with a web page \('Sign & in'\) in the place of the file.*is kept"):
        get()
    assert part.read_bytes() == CONTENT[:HALF]
    server.answers["/file.gz"] = answer(CONTENT, resumes=True, headers={"Content-Type": "text/html"})
    get()
    assert target.read_bytes() == CONTENT


class TestAFileAsItIsSent:
    @pytest.fixture
    def fetched(self, server, target):
        return lambda **known: module.fetch_file([f"{server.url}/a.zip"], target.with_name("a.zip"), hint=HINT, **known)

    def test_by_its_checksum(self, server, answer, fetched):
        sent = b"PK" + CONTENT
        server.answers["/a.zip"] = [answer(sent, stop=HALF, resumes=True), answer(sent, resumes=True)]
        path = fetched(digest=f"md5:{hashlib.md5(sent).hexdigest()}", size=len(sent))
        assert path.read_bytes() == sent
        assert server.ranges == [None, f"bytes={HALF}-"]

    @pytest.mark.parametrize(
        ("sent", "says"),
        [
            (b"PK" + OTHER, "its MD5 is [0-9a-f]{32}, expected"),
            (b"PK" + CONTENT[:-1], "it has 379,999 bytes, expected 380,002|it has"),
            (CONTENT, "does not begin like a zip archive"),
            (PAGE, "is a web page .'Sign & in'. under the name of the file"),
        ],
    )
    def test_another_file(self, server, answer, fetched, sent, says):
        expected = b"PK" + CONTENT
        server.answers["/a.zip"] = answer(sent)
        with pytest.raises(DataUnavailable, match=says):
            fetched(digest=f"md5:{hashlib.md5(expected).hexdigest()}", size=len(expected))

    def test_without_a_checksum_a_part_is_never_taken_for_the_whole(self, server, answer, part, target, fetched):
        sent = b"PK" + CONTENT
        put(target.with_name(".a.zip.part"), sent[:HALF])
        server.answers["/a.zip"] = answer(sent, resumes=True)
        assert fetched().read_bytes() == sent
        assert server.ranges == [f"bytes={HALF}-"]
