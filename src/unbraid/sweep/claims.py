"""Claims: which worker has which run, kept in files alone.

The claims on a run are files KEY.0, KEY.1, ...: generations. A file is only ever created by an operation that fails if it
exists, so each generation has one owner, and **the highest generation owns the run**. A worker that takes over from a dead one
creates the next generation; there is no moment at which a lock is free or held by two.

The owner writes over its claim every few seconds (the heartbeat). An observer that sees no change for as long as the claim says
it may be silent, by the observer's *own* clock, may take over: clocks of different machines are never compared. Before a worker
publishes its result it creates the next generation itself (`Claim.seal`), which fails if somebody took over: that is the fence
that keeps a worker that was only slow from publishing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ParamSpec, TypeVar

import msgspec

from unbraid.errors import UnbraidError
from unbraid.sweep.disk import Files, Handle
from unbraid.sweep.owners import Owner, new_owner

EVERY = 20.0
"""Seconds between heartbeats."""
LEASE = 120.0
"""Seconds of silence after which a claim may be taken over: NFS shows changes to others within a minute by default."""
SIZE = 768
"""Bytes of a claim, always the same, so that it can be written over in place."""
FOLDER = "claims"
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Lost(UnbraidError):
    """Another worker has taken over this run."""


class Held(msgspec.Struct, frozen=True):
    """A claim as its file holds it."""

    key: str
    generation: int
    owner: Owner
    every: float
    lease: float
    since: float
    """Wall-clock time of the claim on its owner's machine: for people, never compared."""
    beat: int = 0
    step: int = 0
    last_step: int = 0
    speed: float = 0.0
    """Images per second."""
    from_step: int = 0
    """The newest checkpoint when the run was claimed."""
    deaths: int = 0
    """How many owners before this one died in a row without getting beyond that checkpoint."""

    @property
    def done(self) -> float:
        """Share of the steps that are done; 0 before training begins."""
        return self.step / self.last_step if self.last_step else 0.0


def shard(key: str) -> str:
    """The first two digits of a key: files are spread over 256 folders by them."""
    return key[:2]


class _Timed:
    """Files, and a clock that stands still while they do not answer.

    When a file server comes back after minutes, every claim looks old. Time in which nothing could be seen is no silence.
    """

    def __init__(self, files: Files, clock: Callable[[], float]) -> None:
        self._files, self._clock, self._waited = files, clock, 0.0

    def clock(self) -> float:
        """Seconds in which this observer could see."""
        return self._clock() - self._waited

    def create(self, path: str, content: bytes) -> Handle | None:
        """As `Files.create`."""
        return self._timed(self._files.create, path, content)

    def read(self, path: str) -> bytes | None:
        """As `Files.read`."""
        return self._timed(self._files.read, path)

    def names(self, folder: str) -> list[str]:
        """As `Files.names`."""
        return self._timed(self._files.names, folder)

    def remove(self, path: str) -> None:
        """As `Files.remove`."""
        self._timed(self._files.remove, path)

    def _timed(self, operation: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        began = self._clock()
        try:
            return operation(*args, **kwargs)
        finally:
            self._waited += self._clock() - began


class _Seen(msgspec.Struct):
    """The content of a claim as an observer saw it, and since when."""

    raw: bytes
    held: Held
    since: float
    changed: bool


class Claims:
    """Claims in a folder.

    Args:
        files: the file system.
        clock: seconds that only ever grow.
        every, lease: of claims made here, in seconds.
        owner: says who makes a claim.
    """

    def __init__(
        self,
        files: Files,
        *,
        clock: Callable[[], float] = time.monotonic,
        every: float = EVERY,
        lease: float = LEASE,
        owner: Callable[[], Owner] = new_owner,
    ) -> None:
        self._files, self._every, self._lease, self._owner = _Timed(files, clock), every, lease, owner
        self._clock = self._files.clock
        self._seen: dict[str, dict[str, _Seen]] = {}

    def look(self, key: str) -> Held | None:
        """The claim that owns a run, None where there is none."""
        return self.look_all([shard(key)]).get(key)

    def look_all(self, shards: Iterable[str]) -> dict[str, Held]:
        """The claims that own the runs of these shards."""
        found: dict[str, Held] = {}
        for one in shards:
            before, now = self._seen.get(one, {}), {}
            for key, generation in self._highest(one).items():
                seen = self._see(key, generation, before.get(_name(key, generation)))
                if seen is not None:
                    now[_name(key, generation)] = seen
                    found[key] = seen.held
            self._seen[one] = now  # what is gone is forgotten
        return found

    def _highest(self, one: str) -> dict[str, int]:
        highest: dict[str, int] = {}
        for name in self._files.names(f"{FOLDER}/{one}"):
            key, _, number = name.partition(".")
            if number.isdecimal():
                highest[key] = max(int(number), highest.get(key, -1))
        return highest

    def _see(self, key: str, generation: int, before: _Seen | None) -> _Seen | None:
        raw = self._files.read(_path(key, generation))
        if raw is None:
            return None
        if before is not None and before.raw == raw:
            return before
        held = _unpacked(raw)
        if held is None or (held.key, held.generation) != (key, generation):
            # half written, or damaged: whoever wrote it is judged by its silence
            held = Held(key, generation, Owner("", "unknown", "", 0, ""), self._every, self._lease, 0.0)
        return _Seen(raw, held, self._clock(), before is not None)

    def _known(self, held: Held) -> _Seen | None:
        return self._seen.get(shard(held.key), {}).get(_name(held.key, held.generation))

    def silent_for(self, held: Held) -> float:
        """Seconds for which this observer has seen no change of a claim."""
        seen = self._known(held)
        return 0.0 if seen is None else self._clock() - seen.since

    def seen_to_live(self, held: Held) -> bool:
        """Whether this observer has seen a claim change, and lately."""
        seen = self._known(held)
        return seen is not None and seen.changed and not self.is_stale(held)

    def is_stale(self, held: Held) -> bool:
        """Whether a claim's owner is dead, as far as can be known.

        It is a dead process of this machine, or silent too long.
        """
        return held.owner.surely_dead or self.silent_for(held) > held.lease

    def take(self, key: str, *, over: Held | None = None, from_step: int = 0) -> Claim | None:
        """Claim a run that nobody holds, or one whose stale claim was seen; None where another was faster.

        Args:
            over: the stale claim.
            from_step: the newest checkpoint of the run.
        """
        generation = 0 if over is None else over.generation + 1
        stuck = over is not None and from_step <= over.from_step
        held = Held(
            key,
            generation,
            self._owner(),
            self._every,
            self._lease,
            round(time.time(), 3),
            from_step=from_step,
            step=from_step,
            deaths=over.deaths + 1 if over is not None and stuck else 0,
        )
        handle = self._files.create(_path(key, generation), _packed(held))
        if handle is None:
            return None
        claim = Claim(self._files, held, handle)
        if self._highest(shard(key)).get(key, generation) > generation:  # what we knew was old
            claim.release()
            return None
        return claim


class Claim:
    """A run that this process owns."""

    def __init__(self, files: Files, held: Held, handle: Handle) -> None:
        self._files, self.held, self._handle = files, held, handle
        self._top = held.generation

    @property
    def deaths(self) -> int:
        """Owners before this one that died in a row without getting further."""
        return self.held.deaths

    def beat(self, *, step: int | None = None, last_step: int | None = None, speed: float | None = None) -> None:
        """Show that the owner lives. Raises `Lost` where another owns the run by now."""
        self.confirm()
        told = {"step": step, "last_step": last_step, "speed": speed}
        news = {name: value for name, value in told.items() if value is not None}
        self.held = msgspec.structs.replace(self.held, beat=self.held.beat + 1, **news)
        try:
            self._handle.write(_packed(self.held))
        except OSError:
            self.confirm()  # the file is gone, or the disk is full: only the first ends the claim

    def confirm(self) -> None:
        """Raise `Lost` where another owns the run by now. Caches may be late to show it; `seal` is not."""
        own, next_one = _path(self.held.key, self.held.generation), _path(self.held.key, self.held.generation + 1)
        raw = self._files.read(own)
        if raw is None or self.held.owner.token.encode() not in raw or self._files.read(next_one) is not None:
            raise self._lost()

    def seal(self) -> None:
        """Take the next generation too, so that nobody can take over any more.

        Raises `Lost` where somebody did.
        """
        sealed = msgspec.structs.replace(self.held, generation=self.held.generation + 1)
        handle = self._files.create(_path(sealed.key, sealed.generation), _packed(sealed))
        if handle is None:
            raise self._lost()
        handle.close()
        self._top = sealed.generation

    def release(self) -> None:
        """Give the run up. Older generations go first: at no moment does one of them own the run again."""
        self._handle.close()
        own = self._files.read(_path(self.held.key, self.held.generation))
        if own is None or self.held.owner.token.encode() not in own:
            return  # others have finished the run or given it up meanwhile, and this is a new claim
        for generation in range(self._oldest(), self._top + 1):
            with suppress(OSError):  # what stays is stale as soon as this process ends
                self._files.remove(_path(self.held.key, generation))

    def _oldest(self) -> int:
        names = self._files.names(f"{FOLDER}/{shard(self.held.key)}")
        own = [int(name.partition(".")[2]) for name in names if name.startswith(f"{self.held.key}.")]
        return min([*own, self.held.generation])

    def _lost(self) -> Lost:
        return Lost(f"Run {self.held.key} was taken over by another worker, since this one was silent for too long.")


def _name(key: str, generation: int) -> str:
    return f"{key}.{generation}"


def _path(key: str, generation: int) -> str:
    return f"{FOLDER}/{shard(key)}/{key}.{generation}"


def _packed(held: Held) -> bytes:
    return msgspec.json.encode(held).ljust(SIZE - 1) + b"\n"


_decoder = msgspec.json.Decoder(Held)


def _unpacked(raw: bytes) -> Held | None:
    try:
        return _decoder.decode(raw)
    except (ValueError, msgspec.MsgspecError):
        return None
