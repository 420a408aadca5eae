"""Malformed configurations, in the run folder and given back with --config."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from malformed.corpus import Build, Place, Wrong

FIELDS = (
    *("model", "model_options", "data", "data_options", "image_shape", "n_train", "encoder", "encoder_options", "decoder"),
    *("decoder_options", "likelihood", "likelihood_options", "latent_dim", "batch_size", "steps", "seed", "optimizer", "lr"),
    *("weight_decay", "precision", "checkpoint_every", "keep_checkpoints", "evaluate_every", "log_every"),
)


def bytes_of(data: bytes, *says: str) -> Build:
    """A configuration of the given bytes."""

    def build(place: Place) -> Wrong:
        folder = place.run()
        (folder / "config.json").write_bytes(data)
        return Wrong(("evaluate", folder, "--device", "cpu"), ("config.json", *says), 1)

    return build


def text(change: Callable[[str], str], *says: str, code: int = 1) -> Build:
    """The text of a sound configuration, changed."""

    def build(place: Place) -> Wrong:
        folder = place.run()
        path = folder / "config.json"
        path.write_text(change(path.read_text()))
        return Wrong(("evaluate", folder, "--device", "cpu"), says, code)

    return build


def field(name: str, value: Any, *says: str, code: int = 1) -> Build:
    """A field with another value."""
    return text(lambda old: json.dumps({**json.loads(old), name: value}), *says, code=code)


def option(part: str, name: str, value: Any, *says: str) -> Build:
    """An option of a part with another value."""

    def change(old: str) -> str:
        whole = json.loads(old)
        whole[f"{part}_options"][name] = value
        return json.dumps(whole)

    return text(change, *says, code=2)


def without(name: str) -> Build:
    return text(lambda old: json.dumps({k: v for k, v in json.loads(old).items() if k != name}), "config.json", f"'{name}'")


def literal(name: str, word: str, *says: str, code: int = 1) -> Build:
    """A field whose value is written so, JSON or not."""

    def change(old: str) -> str:
        whole = json.loads(old)
        return json.dumps({**whole, name: "HERE"}).replace('"HERE"', word)

    return text(change, *says, code=code)


def given_back(make: Callable[[Path], Path], *says: str, code: int = 2) -> Build:
    """A path given to --config."""
    return lambda place: Wrong(("train", "--config", make(place.folder)), ("--config", *says), code)


def a_folder(folder: Path) -> Path:
    (folder / "config.json").mkdir()
    return folder / "config.json"


def a_loop(folder: Path) -> Path:
    (folder / "config.json").symlink_to(folder / "config.json")
    return folder / "config.json"


def folder_in_run(place: Place) -> Wrong:
    folder = place.run()
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    return Wrong(("report", folder, "--device", "cpu"), ("not a run folder", "config.json"), 2)


def endless(place: Place) -> Wrong:
    folder = place.run()
    with (folder / "config.json").open("r+b") as file:
        file.truncate((64 << 20) + 1)  # a hole, which takes no space
    return Wrong(("evaluate", folder, "--device", "cpu"), ("config.json", "67,108,865 bytes", "allowed"), 1)


def of_another_run(place: Place) -> Wrong:
    folder = place.run()
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "latent_dim": 5}))
    return Wrong(("evaluate", folder, "--device", "cpu"), (str(folder), "latent_dim: 3 there, 5 in config.json", "Put back"), 1)


BUILDERS: dict[str, Build] = {
    **{f"without {name}": without(name) for name in FIELDS},
    "empty": bytes_of(b"", "truncated"),
    "truncated": text(lambda old: old[: len(old) // 2], "config.json", "truncated"),
    "a list": bytes_of(b"[1, 2]", "list"),
    "a number": bytes_of(b"7", "int"),
    "null": bytes_of(b"null", "NoneType"),
    "binary": bytes_of(bytes(range(256)), "truncated or was altered"),
    "not UTF-8": bytes_of(b'{"format": 1, "model": "beta_va\xe9"}', "not valid JSON"),
    "lone surrogate": field("model", "\ud800", "Unknown model", "unbraid list models", code=2),
    "deep": bytes_of(b'{"format": ' + b"[" * 100_000, "truncated or was altered"),
    "deep and closed": bytes_of(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "truncated or was altered"),
    "huge": endless,
    "a folder": folder_in_run,
    "a field twice": text(lambda old: old.replace('"seed"', '"seed": 0, "seed"'), "config.json", "seed", "twice"),
    "a byte order mark and UTF-16": bytes_of('{"format": 1}'.encode("utf-16"), "missing"),
    "format 2": field("format", 2, "config.json", "format 2", "reads 1"),
    "format as text": field("format", "1", "config.json", "format '1'"),
    "format true": field("format", True, "config.json", "format True"),
    "format 1.0": field("format", 1.0, "config.json", "format 1.0"),
    "unknown field": field("surprise", 1, "config.json", "surprise"),
    "unknown model": field("model", "beta_va", "Did you mean 'beta_vae'", code=2),
    "unknown data set": field("data", "elipses", "Did you mean 'ellipses'", code=2),
    "unknown encoder": field("encoder", "mpl", "Unknown encoder", "unbraid list encoders", code=2),
    "unknown decoder": field("decoder", "mlp2", "Unknown decoder", "unbraid list decoders", code=2),
    "unknown likelihood": field("likelihood", "bernouli", "Did you mean 'bernoulli'", code=2),
    "unknown optimizer": field("optimizer", "adamm", "--optimizer", "adamm", "adamw", code=2),
    "unknown precision": field("precision", "float8", "--precision", "float32, bfloat16", code=2),
    "data set with a path": field("data", "npz:digits.npz", "Unknown data set", code=2),
    "model is a list": field("model", ["vae"], "config.json", "model", "allowed: text"),
    "options are a list": field("model_options", [], "config.json", "model_options", "allowed: an object"),
    "steps true": field("steps", True, "config.json", "steps is True", "whole number"),
    "steps as text": field("steps", "4", "config.json", "steps is '4'", "whole number"),
    "steps 0": field("steps", 0, "--steps", "at least 1", code=2),
    "steps 1.5": field("steps", 1.5, "config.json", "whole number"),
    "steps below 0": field("steps", -1, "--steps", "at least 1", code=2),
    "seed below 0": field("seed", -1, "--seed", "at least 0", code=2),
    "seed too large": literal("seed", "1" + "0" * 30, "--seed", "below", code=2),
    "seed of 400 digits": literal("seed", "1" + "0" * 400, "--seed", "below", code=2),
    "seed of 5,000 digits": literal("seed", "1" * 5_000, "config.json"),
    "latents beyond all memory": field("latent_dim", 10**12, "--latent-dim", "at most", code=2),
    "weights beyond all memory": field("image_shape", [3, 4096, 4096], "config.json"),
    "keep -1": field("keep_checkpoints", -1, "--keep-checkpoints", "at least 0", code=2),
    "lr null": field("lr", None, "config.json", "lr is None", "number"),
    "lr 0": field("lr", 0, "--lr", "above 0", code=2),
    "lr NaN": literal("lr", "NaN", "config.json", "NaN"),
    "lr Infinity": literal("lr", "Infinity", "config.json", "Infinity"),
    "lr -Infinity": literal("lr", "-Infinity", "config.json", "Infinity"),
    "lr 1e999": literal("lr", "1e999", "--lr", "finite", code=2),
    "lr of 400 digits": literal("lr", "1" + "0" * 400, "--lr", "finite", code=2),
    "weight decay below 0": field("weight_decay", -1, "--weight-decay", "at least 0", code=2),
    "image shape of two": field("image_shape", [32, 32], "config.json", "[channels, height, width]"),
    "image shape with 0": field("image_shape", [1, 0, 32], "config.json", "[channels, height, width]"),
    "image shape with true": field("image_shape", [True, 32, 32], "config.json", "[channels, height, width]"),
    "image shape of text": field("image_shape", ["1", "32", "32"], "config.json", "[channels, height, width]"),
    "image shape is no list": field("image_shape", "1x32x32", "config.json", "must be a list"),
    "image shape of another run": field(
        "image_shape", [1, 64, 64], "config.json", "image_shape: [1, 32, 32] there", "Put back"
    ),
    "fewer images": field("n_train", 17, "n_train: 192 there, 17 in config.json"),
    "images below a batch": field("n_train", 1, "config.json", "n_train is 1", "batch_size"),
    "images below 0": field("n_train", -5, "config.json", "n_train is -5"),
    "digest of other data": field("data_digest", "0123456789abcdef", "data_digest: '' there"),
    "digest is a number": field("data_digest", 3, "config.json", "data_digest", "text"),
    "extend as text": field("extend", "8", "config.json", "extend", "whole number"),
    "extend below 0": field("extend", -8, "config.json", "extend", "whole number"),
    "option that is not there": option("model", "gamma", 3, "gamma", "beta"),
    "option as text": option("model", "beta", "4", "--beta", "number"),
    "option null": option("model", "beta", None, "--beta", "number"),
    "option true": option("model", "beta", True, "--beta", "number"),
    "option below 0": option("model", "beta", -4, "--beta", "at least 0"),
    "option of the data set": option("data", "order", "backwards", "--order", "shuffled"),
    "option of an encoder": option("encoder", "width", 0, "--width", "at least 1"),
    "option is a list": option("decoder", "width", [8], "--width", "number"),
    "option of 400 digits": option("encoder", "width", 10**400, "--width", "at most"),
    "of another run": of_another_run,
    "--config is missing": given_back(lambda folder: folder / "none.json", "no such file"),
    "--config is a folder": given_back(a_folder, "no such file"),
    "--config is a loop of links": given_back(a_loop, "no such file"),
    "--config has a long name": lambda place: Wrong(
        ("train", "--config", place.folder / ("x" * 300)), ("xxx", "File name too long", "Check the path"), 1
    ),
}
