"""Options, registries, files, randomness: what everything stands on."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
import torch

from unbraid.errors import CorruptFile, UnbraidError, UnknownName, UsageError
from unbraid.files import read_json, require_absent, require_writable, whole_file, write_json
from unbraid.options import Option, options_of, resolve
from unbraid.randomness import derived_seed, seeded_construction, torch_generator
from unbraid.registry import Registry
from unbraid.terms import Context


def part(
    first: int,
    beta: Annotated[float, Option("weight", ge=0, lt=10)] = 4.0,
    n: Annotated[int | None, Option("count", gt=0, le=3)] = None,
    mode: Annotated[Literal["a", "b"], Option("mode")] = "a",
    flag: Annotated[bool, Option("switch")] = False,
    name: Annotated[str, Option("name")] = "x",
) -> None:
    """A part."""


def test_options_are_the_annotated_keywords():
    specs = options_of(part)
    assert list(specs) == ["beta", "n", "mode", "flag", "name"]
    assert specs["n"].type is int
    assert specs["beta"].option.range == "at least 0 and below 10"
    assert specs["n"].option.range == "above 0 and at most 3"
    assert resolve(part, {}, "a part") == {"beta": 4.0, "n": None, "mode": "a", "flag": False, "name": "x"}
    assert resolve(part, {"beta": 3, "n": 2.0}, "a part")["beta"] == 3.0
    assert type(resolve(part, {"n": 2.0}, "a part")["n"]) is int


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"beta": -0.1}, "--beta of a part is -0.1; allowed: a finite number at least 0 and below 10"),
        ({"beta": 10.0}, "below 10"),
        ({"beta": float("inf")}, "finite"),
        ({"beta": float("nan")}, "finite"),
        ({"beta": "4"}, "a number"),
        ({"beta": True}, "a number"),
        ({"beta": None}, "a number"),
        ({"n": 0}, "above 0"),
        ({"n": 4}, "at most 3"),
        ({"n": 1.5}, "whole number"),
        ({"mode": "c"}, "allowed: a, b"),
        ({"flag": 1}, "true or false"),
        ({"name": 3}, "text"),
    ],
)
def test_values_are_checked(given, says):
    with pytest.raises(UsageError, match=says):
        resolve(part, given, "a part")


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(UnknownName, match=r"Unknown option 'betta' of a part. Did you mean 'beta'\?"):
        resolve(part, {"betta": 1}, "a part")
    with pytest.raises(UnknownName, match="Known: beta, flag"):
        resolve(part, {"zzzzz": 1}, "a part")
    assert str(UnknownName("model", "q", ["a"], see="unbraid list models")).endswith("See: unbraid list models")


def test_a_registry_finds_modules_and_entry_points(monkeypatch, tmp_path):
    package = tmp_path / "found_parts"
    package.mkdir()
    (package / "__init__.py").write_text("from unbraid.registry import Registry\nparts = Registry('part', 'parts', __name__)\n")
    (package / "one.py").write_text(
        "from found_parts import parts\n@parts.register('one', source='s')\ndef one():\n    'One.'\n"
    )
    (tmp_path / "plugin.py").write_text("from found_parts import parts\nparts.register('two', source='s')(lambda: None)\n")
    monkeypatch.syspath_prepend(tmp_path)

    class Point:
        value = "plugin"

        def __init__(self, load):
            self.load = load

    def broken():
        raise ImportError("their defect")

    def points(group):
        assert group == "unbraid.parts"
        return [Point(broken), Point(lambda: __import__("plugin"))]

    monkeypatch.setattr("unbraid.registry.entry_points", points)
    import found_parts

    with pytest.warns(UserWarning, match="'plugin' .parts. did not load: ImportError"):
        assert found_parts.parts.names() == ["one", "two"]
    assert "one" in found_parts.parts
    assert found_parts.parts["one"].summary == "One."
    with pytest.raises(UnknownName, match="Unknown part 'onne'. Did you mean 'one'"):
        _ = found_parts.parts["onne"]


def test_one_name_for_two_things_is_an_error():
    registry = Registry("part", "parts", "unbraid.rates")
    registry.register("a", source="s")(part)
    registry.register("a", source="s")(part)  # the same again: a module imported twice
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a", source="s")(lambda: None)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    with whole_file(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(RuntimeError, match="power cut"), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("power cut")
    assert path.read_text() == "first"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
    with pytest.raises(UnbraidError, match="Could not write .*: No space left on device. Free some space"), whole_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_json(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1.5, "ü"]})
    assert read_json(tmp_path / "a.json", "thing") == {"b": [1.5, "ü"]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"b": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text())["b"][0] == 1.5
    with pytest.raises(UnbraidError, match="Could not read thing"):
        read_json(tmp_path / "none.json", "thing")
    for content in (b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000):
        (tmp_path / "bad.json").write_bytes(content)
        with pytest.raises(CorruptFile, match=r"bad\.json"):
            read_json(tmp_path / "bad.json", "thing")


def test_streams_of_randomness_differ_by_purpose_and_repeat():
    seeds = {
        derived_seed(seed, purpose, *more) for seed in range(3) for purpose in ("init", "noise") for more in ((), (0,), (1,))
    }
    assert len(seeds) == 18
    draws = [torch.randn(4, generator=torch_generator(0, purpose)) for purpose in ("noise", "noise", "evaluation")]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_construction_is_seeded_and_leaves_the_global_state():
    before = torch.get_rng_state()
    weights = []
    for seed in (0, 0, 1):
        with seeded_construction(seed):
            weights.append(torch.nn.Linear(3, 3).weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("duration", "step", "ramp"), [(0, 0, 1), (0.5, 25, 0.5), (1, 100, 1), (10, 5, 0.5), (10, 90, 1)])
def test_ramps(duration, step, ramp):
    assert Context(step, 100, 1, torch.Generator()).ramp(duration) == pytest.approx(ramp)


def test_every_module_is_imported_by_somebody_or_found():
    """No file lies dead: each is in a registry's package, or its name occurs in another file."""
    root = Path(__file__).parent.parent / "src" / "unbraid"
    text = "".join(path.read_text() for path in root.rglob("*.py"))
    found = (
        "encoders",
        "decoders",
        "posteriors",
        "likelihoods",
        "priors",
        "sets",
        "rates",
        "metrics",
        "zoo",
        "cli",
        "importers",
        "trackers",
        "reports",
        "unbraid",
    )
    for path in root.rglob("*.py"):
        if path.stem not in ("__init__", "__main__") and path.parent.name not in found:
            dotted = f"{path.parent.name}.{path.stem}"
            assert dotted in text or f"import {path.stem}" in text or f", {path.stem}" in text, f"{path} is imported nowhere"


def test_files_that_are_slow_are_there():
    """A file that was renamed must not slip back into the daily check."""
    tests = Path(__file__).parent
    found = re.findall(r'^SLOW(?:EST)? = """\n(.*?)\n"""', (tests / "conftest.py").read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) == 2
    assert not [name for names in found for name in names.split() if not (tests / name).is_file()]


IMPORTS = re.compile(r"^\s*from (unbraid[\w.]*) import (\([^)]*\)|[^\n(]+)", re.MULTILINE)


@pytest.mark.parametrize("folder", ["benchmarks", "docs/source"])
def test_programs_beside_the_library_import_names_that_are_there(folder):
    """Those in strings too, which other processes run."""
    programs = sorted((Path(__file__).parents[1] / folder).rglob("*.py"))
    missing = []
    for program in programs:
        for module, names in IMPORTS.findall(program.read_text(encoding="utf-8")):
            for name in re.findall(r"(\w+)(?: as \w+)?", names.split("#")[0].strip("()")):
                found = importlib.import_module(module)
                inside = hasattr(found, "__path__") and importlib.util.find_spec(f"{module}.{name}")
                if not hasattr(found, name) and not inside:
                    missing.append(f"{program.name}: from {module} import {name}")
    assert not missing


def test_a_place_that_cannot_hold_a_file_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_writable(Path("new/deep/file.png"))
    require_writable(Path("/"))  # that it is a folder is for those to say who know what to give
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    for name, what in (("file", "a file, not a folder"), ("link", "a link to nothing")):
        with pytest.raises(UsageError, match=f"/{name} is {what}. Give another name."):
            require_writable(Path(name, "deep", "x.png"))
    with pytest.raises(UsageError, match="^/ is a folder; give the name of a file."):
        require_absent(Path("/"), overwrite=False)
