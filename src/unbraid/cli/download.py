"""unbraid download [NAME ...]"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from unbraid.cli.parse import HelpShown, option, parse, positional
from unbraid.data.cache import KeptFile, cache_folder
from unbraid.errors import DataUnavailable, UsageError
from unbraid.registry import Entry

_ARGUMENTS = (
    positional("name", "data set; several are fetched one after the other", many=True),
    option("yes", bool, False, "agree to the licenses and terms of what is downloaded, without being asked"),
)
_ABOUT = (
    "Fetch or draw all files that data sets keep, into the folder that UNBRAID_CACHE names or the user's cache folder. "
    "Of published data sets size, license and terms are shown first, and agreed to. "
    "Without a name: list these data sets, and which of them are here."
)
_DONE = {"download": "downloaded", "draw": "drawn"}
_WAY = {"download": "can be downloaded", "draw": "is drawn when it is first used"}


def run(tokens: list[str]) -> int:
    """Run the command; returns the exit code."""
    try:
        given = parse("download", _ABOUT, _ARGUMENTS, tokens)
    except HelpShown:
        return 0
    from unbraid.data.registry import datasets
    from unbraid.progress import listening

    names = dict.fromkeys(given.get("name") or ())
    if not names:
        _list(datasets)
        return 0
    entries = [datasets[name] for name in names]  # before anything is fetched
    for entry in entries:
        _agree(entry, agreed=bool(given.get("yes")))
    from unbraid.cli.console import counting

    with listening(counting):
        for entry in entries:
            _get(entry)
    return 0


def _files(entry: Entry) -> tuple[KeptFile, ...]:
    return entry.details["kept"]() if "kept" in entry.details else ()


def _agree(entry: Entry, *, agreed: bool) -> None:
    """Show source and terms of a published data set, and ask where something has to be downloaded."""
    from unbraid.cli.console import out

    published = entry.details.get("origin")
    if published is None:
        return
    files = _files(entry)
    if not files:
        raise DataUnavailable(f"{published.title} cannot be downloaded. {published.steps}")
    missing = [file for file in files if file.find() is None]
    if not missing:
        return
    out.print(f"{published.title}, {published.home}")
    out.print(f"  download: {published.size}, to {published.folder}")
    if published.room:
        out.print(f"  on disk: {published.room}")
    out.print(f"  license: {published.license}")
    if published.terms:
        out.print(f"  terms: {published.terms}")
    if agreed:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"Nobody can be asked here. Agree to license and terms: unbraid download {entry.name} --yes.")
    if input("Download? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError(f"{entry.name} was not downloaded.")


def _convert(entry: Entry) -> None:
    """Make the store of a published data set, as its first use would."""
    from unbraid.cli.console import out
    from unbraid.data.dataset import load_dataset

    made = load_dataset(entry.name)
    out.print(f"{entry.name}: ready, {len(made):,} images of {made.shape[1]} x {made.shape[2]}")


def _get(entry: Entry) -> None:
    from unbraid.cli.console import out

    files = _files(entry)
    if not files:
        out.print(f"{entry.name} keeps no files: there is nothing to download.")
    for file in files:
        before = _signature(file.find())
        path = file.get()
        done = "already here," if _signature(path) == before else _DONE[file.how]
        out.print(f"{entry.name}: {done} {path} ({_size([path])})")
    if "origin" in entry.details:
        _convert(entry)


def _signature(path: Path | None) -> tuple[object, ...]:
    """What changes when a file is written anew; nothing for no file."""
    if path is None:
        return ()
    known = path.stat()
    return path, known.st_ino, known.st_mtime_ns, known.st_size


def _list(entries: Iterable[Entry]) -> None:
    from unbraid.cli.console import out

    entries = list(entries)
    states = {entry.name: _state(files) + _how_much(entry) for entry in entries if (files := _files(entry))}
    width = max(map(len, states))
    for name, state in states.items():
        out.print(f"{name:<{width}}  {state}")
    others = ", ".join(entry.name for entry in entries if entry.name not in states)
    out.print(f"\nNothing to download: {others}.\nCache: {cache_folder()}\nFetch one: unbraid download mnist")


def _how_much(entry: Entry) -> str:
    published = entry.details.get("origin")
    return f" ({published.size})" if published else ""


def _state(files: tuple[KeptFile, ...]) -> str:
    found = [path for file in files if (path := file.find())]
    if len(found) == len(files):
        folders = dict.fromkeys(str(path.parent) for path in found)
        return f"here, {_size(found)}, in {' and '.join(folders)}"
    missing = [file for file in files if not file.find()]
    part = f"{len(missing)} of {len(files)} files " if found else ""
    return f"{part}not here; {_WAY[missing[0].how]}"


def _size(paths: Iterable[Path]) -> str:
    size = sum(path.stat().st_size for path in paths)
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
