"""From folders to results, and from results to configurations: runs that differ in their seed alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unbraid.errors import UsageError
from unbraid.reporting.numbers import plain
from unbraid.sweep.code import Code
from unbraid.sweep.records import Result
from unbraid.sweep.store import MARK, RESULTS, Store, ledger

INCIDENTAL = ("format", "checkpoint_every", "keep_checkpoints", "evaluate_every", "log_every", "image_shape", "n_train")
"""What makes no other model of a run, or follows from other settings."""


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in their seed alone, by seed."""

    label: str
    settings: Mapping[str, Any]
    """All settings by name, as in "beta", "latent dim"."""
    results: tuple[Result, ...]
    folders: tuple[Path | None, ...] = ()
    """Where the runs lie, where that is known."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, ascending."""
        return tuple(result.seed for result in self.results)

    @property
    def codes(self) -> tuple[Code, ...]:
        """The code that made these runs, each once."""
        return tuple({result.code.identity: result.code for result in self.results}.values())

    @property
    def versions(self) -> tuple[str, ...]:
        """The same in words."""
        return tuple(map(str, self.codes))


def gather(places: Sequence[str | Path], *, damaged: list[str]) -> list[tuple[Result, Path | None]]:
    """The results in folders of sweeps, ledgers, run folders and result files, each run once.

    Each comes with the place of the run.

    Args:
        places: any of these.
        damaged: takes what is wrong with files that cannot be used.

    Raises `UsageError` for a place that holds no result.
    """
    found: dict[str, tuple[Result, Path | None]] = {}
    for place in map(Path, places):
        if not place.exists():
            raise UsageError(f"There is nothing at {place}; give the folder of a sweep, of its results, or of a scored run.")
        own = list(_at(place, damaged))
        if not own:
            hint = (
                f" {damaged[-1]}" if damaged else " Give the folder of a sweep, a folder of its results, or scored run folders."
            )
            raise UsageError(f"{place} holds no result.{hint}")
        for result, folder in own:
            found.setdefault(result.key, (result, folder))
    return list(found.values())


def _at(place: Path, damaged: list[str]) -> Iterator[tuple[Result, Path | None]]:
    if (place / "config.json").is_file() and not (place / MARK).is_file():
        from unbraid.sweep.runs import result_of_run

        yield result_of_run(place), place
        return
    if place.name == RESULTS and (place.parent / MARK).is_file():
        place = place.parent
    store = Store(place) if (place / MARK).is_file() else None
    for result in ledger(place, damaged=damaged):
        folder = store.run_folder(result.key) if store else None
        yield result, folder if folder is not None and folder.is_dir() else None


def settings_of(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """All settings by name; options of parts other than the model carry the part's name."""
    found: dict[str, Any] = {}
    for name, value in configuration.items():
        if name.endswith("_options") and isinstance(value, Mapping):
            part = "" if name == "model_options" else f"{name.removesuffix('_options')} "
            found |= {f"{part}{option}".replace("_", " "): one for option, one in value.items()}
        elif name not in INCIDENTAL:
            found[name.replace("_", " ")] = value
    return found


def configurations(results: Sequence[tuple[Result, Path | None]]) -> list[Configuration]:
    """Runs that differ in their seed alone, together.

    They are named by the settings in which they differ from others of their model.
    """
    together: dict[str, list[tuple[Result, Path | None]]] = {}
    for result, folder in results:
        content = {name: value for name, value in result.configuration.items() if name not in INCIDENTAL}
        together.setdefault(repr(sorted(content.items(), key=lambda pair: pair[0])), []).append((result, folder))
    groups = [sorted(own, key=lambda pair: pair[0].seed) for own in together.values()]
    found = [settings_of(own[0][0].configuration) for own in groups]
    labels = _labels(found)
    made = [
        Configuration(label, one, tuple(result for result, _ in own), tuple(folder for _, folder in own))
        for label, one, own in zip(labels, found, groups, strict=True)
    ]
    return sorted(made, key=lambda one: _natural(one.label))


def differing(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the settings in which any two of these differ."""
    names = dict.fromkeys(name for one in found for name in one)
    return [name for name in names if len({repr(one.get(name)) for one in found}) > 1]


def data_in_words(found: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Data sets in words, each by its name and the options in which it differs from others of that name.

    >>> data_in_words([("ellipses", {"size": 32}), ("ellipses", {"size": 64}), ("shapes", {"size": 28})])
    ['ellipses size 32', 'ellipses size 64', 'shapes']
    """
    told = []
    for name, options in found:
        differ = [key for key in differing([other for data, other in found if data == name]) if key in options]
        told.append(" ".join([str(name), *(f"{key} {plain(options[key])}" for key in differ)]))
    return told


def _labels(found: Sequence[Mapping[str, Any]]) -> list[str]:
    several_data = len({one.get("data") for one in found}) > 1
    labels = []
    for one in found:
        rivals = [other for other in found if other.get("model") == one.get("model")]
        names = [name for name in differing(rivals) if name in one and name not in ("model", "data")]
        data = [f"on {one.get('data')}"] if several_data else []
        labels.append(", ".join([str(one.get("model")), *data, *(f"{name} {_plain(one[name])}" for name in names)]))
    return labels


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "no" if value in (None, "") else str(value)


def _natural(text: str) -> list[Any]:
    return [(0, float(part), "") if part.replace(".", "", 1).isdigit() else (1, 0.0, part) for part in re.split(r"[ ,]+", text)]
