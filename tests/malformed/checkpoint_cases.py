"""Malformed checkpoints of a run, and models that `Model.save` wrote and somebody spoilt."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

import unbraid
from malformed.corpus import TRAIN, Build, Place, Wrong, altered, checkpoint_of, flipped
from unbraid.records import content_digest

WEIGHTS, STATE = "model.safetensors", "state.json"


def in_run(spoil: Callable[[Path], object], *says: str) -> Build:
    """The newest checkpoint, spoilt; its folder is given to `spoil`."""

    def build(place: Place) -> Wrong:
        run = place.run()
        spoil(checkpoint_of(run))
        for other in sorted((run / "checkpoints").iterdir())[:-1]:
            (other / STATE).write_text("")
        return Wrong(("evaluate", run, "--device", "cpu"), (str(run), *says), 1)

    return build


def resumed(spoil: Callable[[Path], object], *says: str) -> Build:
    """The same, met by the command that would resume the run."""

    def build(place: Place) -> Wrong:
        run = place.run()
        spoil(checkpoint_of(run))
        for other in sorted((run / "checkpoints").iterdir())[:-1]:
            (other / STATE).write_text("")
        return Wrong((*TRAIN, "--out", run, "--extend", "8"), (str(run), "--overwrite", *says), 1, writes=True)

    return build


def in_saved(spoil: Callable[[Path], object], *says: str, code: int = 1) -> Build:
    """The folder of a saved model, spoilt."""

    def build(place: Place) -> Wrong:
        folder = place.saved()
        spoil(folder)
        return Wrong(lambda: unbraid.load(folder, device="cpu"), (str(folder), *says), code)

    return build


def written(data: bytes) -> Callable[[Path], object]:
    """These bytes instead of the weights, under a sum that fits them."""

    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(data)
        sign(folder)

    return spoil


def sign(folder: Path) -> None:
    """Make the stored sum that of the weights as they are."""
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    if (folder / STATE).exists():
        signed(folder / STATE, lambda state: {**state, "sha256": {**state["sha256"], WEIGHTS: digest}})
    else:
        altered(folder / "config.json", lambda content: {**content, "sha256": digest})


def signed(path: Path, change: Callable[[Any], Any]) -> None:
    """Write the state anew with other content, under a sum of its own that fits."""
    altered(path, lambda old: {**change(old), "own_sha256": content_digest(change(old))})


def tensors(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], object]:
    """Other tensors under a sum that fits them."""
    return lambda folder: written(save(change(load((folder / WEIGHTS).read_bytes()))))(folder)


def first(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], object]:
    """The first of the tensors of two dimensions, changed."""

    def spoil(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = next(name for name in sorted(found) if found[name].ndim == 2)
        return {**found, name: change(found[name]).contiguous()}

    return tensors(spoil)


def spoilt(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[0, 0] = value
        return tensor

    return change


def header(content: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: int, end: int, dtype: str = "F32", shape: tuple[int, ...] = (1,)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


class _Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def state(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: signed(folder / STATE, lambda old: {**old, **changes})


def without(field: str) -> Callable[[Path], object]:
    return lambda folder: altered(folder / STATE, lambda old: {k: v for k, v in old.items() if k != field})


def changed(**changes: Callable[[Any], Any]) -> Callable[[Path], object]:
    """Fields changed by somebody who does not know the sum."""
    return lambda folder: altered(folder / STATE, lambda old: {**old, **{k: change(old[k]) for k, change in changes.items()}})


def of_another_run(folder: Path) -> None:
    signed(folder / STATE, lambda old: {**old, "configuration": {**old["configuration"], "seed": 1}})


def edited(folder: Path) -> None:
    altered(folder.parents[1] / "config.json", lambda old: {**old, "seed": 1})


def state_bytes(data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / STATE).write_bytes(data)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def training_state_of_another(folder: Path) -> None:
    path = folder / "training.safetensors"
    path.write_bytes(save({"optimizer/nobody/0/exp_avg": torch.zeros(1)}))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    signed(folder / STATE, lambda old: {**old, "sha256": {**old["sha256"], path.name: digest}, "interval": {}})


CONTENTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (written(b""), "safetensors"),
    "a few bytes": (written(b"\1\2\3"), "safetensors"),
    "text": (written(b"these are no weights, though they are long enough"), "safetensors"),
    "a pickle": (written(pickle.dumps(_Trap())), "safetensors"),
    "huge header": (written(header({}, length=1 << 60)), "safetensors"),
    "header longer than the file": (written(header({}, length=1000)), "safetensors"),
    "header is no JSON": (written(header(b"{{{{")), "safetensors"),
    "header is not UTF-8": (written(header(b'{"\xff": 1}')), "safetensors"),
    "header is a list": (written(header([])), "safetensors"),
    "deep header": (written(header(b'{"a": ' + b"[" * 10_000)), "safetensors"),
    "overlapping tensors": (written(header({"a": entry(0, 4), "b": entry(2, 6)}, bytes(6))), "safetensors"),
    "tensor beyond the file": (written(header({"a": entry(0, 4)})), "safetensors"),
    "tensor with a hole before it": (written(header({"a": entry(4, 8)}, bytes(8))), "safetensors"),
    "tensor of another length": (written(header({"a": entry(0, 4, shape=(2,))}, bytes(4))), "safetensors"),
    "tensor of terabytes": (written(header({"a": entry(0, 4, shape=(1 << 40, 1 << 40))}, bytes(4))), "safetensors"),
    "unknown kind of number": (written(header({"a": entry(0, 4, "Q32")}, bytes(4))), "safetensors"),
    "junk behind": (lambda folder: written((folder / WEIGHTS).read_bytes() + b"junk")(folder), "safetensors"),
    "no tensors": (written(save({})), "is missing"),
    "tensor missing": (tensors(lambda found: dict(list(found.items())[1:])), "is missing"),
    "tensor too many": (tensors(lambda found: {**found, "surprise": torch.zeros(1)}), "surprise is not one of this model"),
    "wrong shape": (first(lambda tensor: tensor[:-1]), "do not fit"),
    "transposed": (first(lambda tensor: tensor.T), "do not fit"),
    "half precision": (first(lambda tensor: tensor.half()), "torch.float16"),
    "double precision": (first(lambda tensor: tensor.double()), "torch.float64"),
    "whole numbers": (first(lambda tensor: tensor.int()), "torch.int32"),
    "NaN": (first(spoilt(float("nan"))), "not finite"),
    "inf": (first(spoilt(float("inf"))), "not finite"),
}
"""What weights may be in spite of a sum that fits."""

BUILDERS: dict[str, Build] = {
    **{f"run: {name}": in_run(spoil, says) for name, (spoil, says) in CONTENTS.items()},
    **{f"saved: {name}": in_saved(spoil, says) for name, (spoil, says) in list(CONTENTS.items())[::3]},
    "weights truncated": in_run(lambda at: (at / WEIGHTS).write_bytes((at / WEIGHTS).read_bytes()[:-9]), "checksum"),
    "a bit flipped": in_run(lambda at: flipped(at / WEIGHTS, -9), "checksum", "--overwrite"),
    "a bit of the header flipped": in_run(lambda at: flipped(at / WEIGHTS, 20), "checksum"),
    "a bit of the optimizer flipped": in_run(lambda at: flipped(at / "training.safetensors", -9), "checksum"),
    "weights missing": in_run(lambda at: (at / WEIGHTS).unlink(), "No such file"),
    "weights are a folder": in_run(lambda at: a_folder(at / WEIGHTS), "Is a directory"),
    "weights are a loop of links": in_run(lambda at: a_loop(at / WEIGHTS), "symbolic links"),
    "state missing": in_run(lambda at: (at / STATE).unlink(), "No such file"),
    "state empty": in_run(state_bytes(b""), STATE),
    "state is a list": in_run(state_bytes(b"[]"), STATE, "list"),
    "state is binary": in_run(state_bytes(bytes(range(256))), STATE),
    "state without sums": in_run(lambda at: altered(at / STATE, lambda s: {"step": s["step"]}), STATE, "lacks seconds"),
    "state with empty sums": in_run(state(sha256={}), "checksum"),
    "state with sums as text": in_run(state(sha256="none"), STATE, "sha256 is 'none'"),
    "state of another step": in_run(state(step=2), STATE, "step is 2"),
    "state with step true": in_run(state(step=True), STATE, "step is True"),
    "state with step as text": in_run(state(step="4"), STATE, "step is '4'"),
    "state with step 4.0": in_run(state(step=4.0), STATE, "step is 4.0"),
    "state without a log": resumed(without("log_size"), "log_size"),
    "state without a sum of its own": in_run(without("own_sha256"), STATE, "checksum"),
    "state of another version without a sum": in_run(without("version"), "checksum", STATE),
    "state with a bit of the log's size flipped": in_run(changed(log_size=lambda n: n ^ 1), STATE, "checksum"),
    "state with counts doubled": in_run(changed(seconds=lambda n: n * 2), STATE, "checksum"),
    "state with an unknown field": in_run(state(surprise=1), "unknown field surprise"),
    "state of another run": in_run(of_another_run, "seed: 1 there, 0 in config.json", "Put back"),
    "state with a log below 0": resumed(state(log_size=-1), "log_size"),
    "state with a log of text": resumed(state(log_size="all"), "log_size"),
    "state with seconds below 0": resumed(state(seconds=-1.0), "seconds"),
    "state with an odd interval": resumed(state(interval={"nll": 3}), "nll"),
    "state with an interval of no steps": resumed(state(interval={"nll": 0}), "interval"),
    "state with a list for interval": resumed(state(interval=[]), "interval is []"),
    "configuration edited": in_run(edited, "seed: 0 there, 1 in config.json", "config.json was edited"),
    "optimizer of another model": resumed(training_state_of_another),
    "saved: a bit flipped": in_saved(lambda at: flipped(at / WEIGHTS, -9), "checksum"),
    "saved: no sum": in_saved(
        lambda at: altered(at / "config.json", lambda c: {k: v for k, v in c.items() if k != "sha256"}), "checksum"
    ),
    "saved: step below 0": in_saved(lambda at: altered(at / "config.json", lambda c: {**c, "step": -4}), "step"),
    "saved: step true": in_saved(lambda at: altered(at / "config.json", lambda c: {**c, "step": True}), "step"),
    "saved: no configuration": in_saved(lambda at: (at / "config.json").unlink(), "config.json", "give a run folder", code=2),
}
