"""Records of a page have the fields and types of its script; weights come back from whole numbers."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from helpers import onnx_pair
from unbraid.config.plan import plan
from unbraid.explorer import content
from unbraid.explorer.compact import LEAST_SHADE, Networks, joined, planes, split
from unbraid.explorer.onnx_files import Decoder
from unbraid.explorer.reweight import Exporter
from unbraid.model import Model

PAGE = Path(__file__).parents[2] / "web" / "src" / "page" / "data.ts"
PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}


def in_typescript(kind: object) -> str:
    """The type of a record's field as the page's script writes it."""
    arguments, origin = typing.get_args(kind), typing.get_origin(kind)
    if kind == content.Spread:
        return "Spread"
    if origin is typing.Literal:
        return " | ".join(map(str, arguments))
    if origin is list:
        each = in_typescript(arguments[0])
        return f"({each})[]" if types.NoneType in typing.get_args(arguments[0]) else f"{each}[]"
    if origin is tuple:
        return f"[{', '.join(map(in_typescript, arguments))}]"
    if origin is dict:
        return f"Record<{', '.join(map(in_typescript, arguments))}>"
    if origin in (types.UnionType, typing.Union):
        return " | ".join(map(in_typescript, arguments))
    return PLAIN.get(kind) or kind.__name__


def test_the_script_reads_the_fields_that_are_written():
    text = re.sub(r"/\*\*.*?\*/", "", PAGE.read_text(), flags=re.DOTALL)
    found = {
        name: dict(re.findall(r"(\w+): (.*?);", body))
        for name, body in re.findall(r"export interface (\w+) \{(.*?)\n\}", text, re.DOTALL)
    }
    records = [kind for kind in vars(content).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    expected = {
        kind.__name__: {field.name: in_typescript(field.type) for field in msgspec.structs.fields(kind)} for kind in records
    }
    assert len(expected) >= 10
    assert found == expected


def test_spreads_are_those_of_the_runtime():
    text = (PAGE.parents[1] / "lib" / "runtime.ts").read_text()
    found = re.search("export type Spread = (.*?);", text)[1]
    assert re.findall('"(.*?)"', found) == list(typing.get_args(content.Spread))


def unfolded(made: bytes) -> np.ndarray:
    low, high = np.frombuffer(made, np.uint8).reshape(2, -1).astype(np.int64)
    folded = low | (high << 8)
    return (folded >> 1) ^ -(folded & 1)


def test_whole_numbers_come_back_from_their_planes():
    values = np.array([0, -1, 1, -2, 300, -32768, 32767], np.int16)
    np.testing.assert_array_equal(unfolded(planes(values)), values)


def test_networks_of_several_times_stay_within_a_shade(tmp_path):
    """Put together as the page does, each decodes to what its own file gives, and takes fewer bytes."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    first = onnx.load(onnx_pair.decoder(tmp_path / "d.onnx", (1, 16, 16)))
    contents = {}
    for time in range(3):
        (weights,) = [one for one in first.graph.initializer if one.name == "w"]
        moved = onnx.numpy_helper.to_array(weights) * (0.5 + time)
        weights.CopyFrom(onnx.numpy_helper.from_array(moved.astype(np.float32), "w"))
        contents[f"step{time}"] = first.SerializeToString()
    codes = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    made = Networks()
    made.add(contents, "z", codes)
    assert [made.described[name].later for name in contents] == ["step1", "step2", None]
    assert sum(map(len, made.files.values())) < sum(map(len, contents.values()))
    whole = 0
    for name in reversed(contents):
        about = made.described[name]
        whole = whole + unfolded(made.files[about.weights])
        places = [(one.offset, one.length) for one in about.tensors]
        own = joined(made.files[about.graph], places, whole.astype(np.int16), [one.step for one in about.tensors])
        right, shown = (runtime.InferenceSession(one).run(None, {"z": codes})[0] for one in (contents[name], own))
        assert 0 < np.abs(right - shown).max() <= LEAST_SHADE


def test_what_cannot_be_rounded_is_stored_as_it_is(tmp_path, monkeypatch):
    raw = onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8)).read_bytes()
    graph, _, weights = split(raw)
    assert len(weights) == 3 * 64
    assert len(graph) == len(raw)
    monkeypatch.setattr("unbraid.explorer.compact.BITS", range(2, 3))
    made = Networks()
    made.add({"a": raw}, "z", np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    assert (made.files, made.described) == ({"a": raw}, {})


def test_how_far_an_image_grows_is_no_weight():
    """The decoder enlarges twice by nearest neighbors: rounded to a few bits the scale of its channels would be above 1."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    experiment, _ = plan("vae", "shapes", {"encoder": "mlp", "decoder": "koller", "latent_dim": 3, "steps": 1})
    model = Model(experiment.build(), experiment)
    codes = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    made = Networks()
    raw = Exporter().file("decoder.onnx", Decoder(model), "codes", codes)
    made.add({"a": raw}, "codes", codes)
    assert "a" in made.described
    held = sum(one.length for one in made.described["a"].tensors)
    assert held == sum(weight.numel() for weight in model.vae.networks["decoder"].parameters())
