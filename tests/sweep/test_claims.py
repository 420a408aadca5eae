"""Claims: one owner at a time, whatever dies, stalls or tells wrong times."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from unbraid.sweep.claims import Claims, Lost, _packed
from unbraid.sweep.disk import Disk
from unbraid.sweep.owners import Owner

KEY = "ab" + "0" * 14
ELSEWHERE = Owner("t", "other-host", "another boot", 1, "1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def observers(folder: Path, clock: Clock, count: int = 2) -> list[Claims]:
    return [Claims(Disk(folder), clock=clock, every=1, lease=10) for _ in range(count)]


def foreign(folder: Path, generation: int = 0, **told: object) -> None:
    """A claim of another machine."""
    mine = Claims(Disk(folder), every=1, lease=10).take(KEY)
    assert mine is not None
    mine._handle.write(_packed(msgspec.structs.replace(mine.held, owner=ELSEWHERE, **told)))


def test_of_many_that_want_a_run_one_gets_it(tmp_path: Path) -> None:
    for attempt in range(20):
        key = f"ab{attempt:014d}"
        start = threading.Barrier(8)

        def take(_: int, key: str = key, start: threading.Barrier = start) -> bool:
            claims = Claims(Disk(tmp_path))
            start.wait()
            return claims.take(key) is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1
    assert not list(tmp_path.rglob(".*")), "temporary files were left"


def test_a_silent_owner_is_followed_by_one_other_and_can_publish_no_more(tmp_path: Path) -> None:
    clock = Clock()
    foreign(tmp_path)
    first, second = observers(tmp_path, clock)
    held = first.look(KEY)
    assert held is not None
    second.look(KEY)
    clock.now = 9
    assert not first.is_stale(held)
    clock.now = 11
    assert first.is_stale(held)
    taken = first.take(KEY, over=held)
    assert taken is not None
    assert second.take(KEY, over=held) is None
    now = second.look(KEY)
    assert now is not None
    assert (now.generation, now.owner.token) == (1, taken.held.owner.token)
    taken.seal()
    taken.release()
    assert first.look(KEY) is None


def test_the_slow_owner_learns_it_at_its_next_heartbeat_and_at_the_latest_when_it_seals(tmp_path: Path) -> None:
    clock = Clock()
    first, second = observers(tmp_path, clock)
    slow = first.take(KEY)
    assert slow is not None
    held = second.look(KEY)
    clock.now = 11
    assert held is not None
    other = second.take(KEY, over=held)
    assert other is not None
    with pytest.raises(Lost, match="taken over by another worker"):
        slow.beat()
    with pytest.raises(Lost):
        slow.seal()
    slow.release()  # takes nothing from the other
    other.beat(step=3)
    assert second.look(KEY).step == 3  # type: ignore[union-attr]


def test_a_sealed_run_cannot_be_taken_over(tmp_path: Path) -> None:
    clock = Clock()
    first, second = observers(tmp_path, clock)
    owner = first.take(KEY)
    assert owner is not None
    held = second.look(KEY)
    owner.seal()
    clock.now = 100
    assert second.take(KEY, over=held) is None


def test_heartbeats_keep_a_claim_alive_whatever_times_they_tell(tmp_path: Path) -> None:
    clock = Clock()
    (observer,) = observers(tmp_path, clock, 1)
    foreign(tmp_path, since=time.time() + 10**7)  # a clock that is months ahead
    path = tmp_path / "claims" / "ab" / f"{KEY}.0"
    for beat in range(5):
        held = observer.look(KEY)
        assert held is not None
        assert not observer.is_stale(held)
        path.write_bytes(_packed(msgspec.structs.replace(held, beat=beat + 1)))
        os.utime(path, (2**33, 2**33))  # so is that of the file server
        clock.now += 8
    held = observer.look(KEY)
    assert held is not None
    clock.now += 11
    assert observer.is_stale(held)


def test_a_claim_that_is_half_written_is_judged_by_its_silence(tmp_path: Path) -> None:
    clock = Clock()
    (observer,) = observers(tmp_path, clock, 1)
    foreign(tmp_path)
    (tmp_path / "claims" / "ab" / f"{KEY}.0").write_bytes(b'{"key": "ab')
    held = observer.look(KEY)
    assert held is not None
    assert not observer.is_stale(held)
    clock.now = 11
    assert observer.is_stale(held)
    assert observer.take(KEY, over=held) is not None


def test_the_death_of_a_process_of_this_machine_is_known_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from unbraid.sweep.claims import Claims; from unbraid.sweep.disk import Disk\n"
    )
    script += f"Claims(Disk(Path(sys.argv[1]))).take({KEY!r}); print('taken', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    claims = Claims(Disk(tmp_path))
    held = claims.look(KEY)
    assert held is not None
    assert not claims.is_stale(held)
    process.kill()
    process.communicate()
    assert claims.is_stale(held)


def test_a_copied_folder_waits_for_the_lease_though_the_owner_lives_elsewhere(tmp_path: Path) -> None:
    clock = Clock()
    (original,) = observers(tmp_path / "here", clock, 1)
    assert original.take(KEY) is not None
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    (observer,) = observers(tmp_path / "there", clock, 1)
    held = observer.look(KEY)
    assert held is not None
    assert not observer.is_stale(held)
    clock.now = 11  # the owner beats in the other folder
    assert observer.is_stale(held)


def test_deaths_without_progress_are_counted(tmp_path: Path) -> None:
    clock = Clock()
    (claims,) = observers(tmp_path, clock, 1)
    steps = [0, 0, 0, 50, 50, 60]
    told = []
    held = None
    for step in steps:
        taken = claims.take(KEY, over=held, from_step=step)
        assert taken is not None
        told.append(taken.deaths)
        held = taken.held
    assert told == [0, 1, 2, 0, 1, 0]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    claims = Claims(Disk(tmp_path))
    taken = claims.take(KEY)
    assert taken is not None
    assert claims.take(KEY) is None
    taken.beat(step=7)
    assert claims.look(KEY).step == 7  # type: ignore[union-attr]


def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full takes a part at first, and says nothing."""
    real = os.pwrite

    def full(descriptor: int, content: bytes, place: int) -> int:
        if place >= 100:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[:100], place)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        Claims(Disk(tmp_path)).take(KEY)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert Disk(tmp_path).create("small", b"x" * 100) is not None
    with pytest.raises(OSError, match="No space left"):
        Disk(tmp_path).create("large", b"x" * 101)
    assert Disk(tmp_path).read("large") is None
