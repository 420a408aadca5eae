"""Malformed code tables, scores and logs, met by `unbraid report`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from malformed.corpus import Build, Place, Wrong, altered, flipped
from malformed.npz_cases import describe, header, npy
from unbraid.evaluation.stored import read_scores, write_scores

MEMBERS = (
    *("mean", "variance", "index", "is_test", "nll_mean", "nll_sample", "kl", "factors", "factor_names", "factor_sizes"),
    "labels",
)
MADE_ANEW = "unbraid evaluate"


def reported(name: str, spoil: Callable[[Path], object], *says: str, code: int = 1) -> Build:
    """A file of a run, spoilt."""

    def build(place: Place) -> Wrong:
        run = place.run()
        spoil(run / name)
        return Wrong(("report", run, "--device", "cpu"), (name, *says), code)

    return build


def codes(*says: str, **changes: Any) -> Build:
    """Arrays of the code table, changed by functions; None leaves one out."""

    def spoil(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        for name, change in changes.items():
            found = arrays.pop(name)
            if change is not None:
                arrays[name] = change(found)
        np.savez(path, **arrays)

    return reported("codes.npz", spoil, MADE_ANEW, *says)


def codes_bytes(change: Callable[[bytes], bytes], *says: str) -> Build:
    return reported("codes.npz", lambda path: path.write_bytes(change(path.read_bytes())), MADE_ANEW, *says)


def member(data: bytes, *says: str, repeat: int = 0) -> Build:
    """The code table with other bytes for its means, followed by so many mebibytes of zeros."""

    def spoil(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as stream:
                    stream.write(data if name == "mean" else npy(array))
                    for _ in range(repeat if name == "mean" else 0):
                        stream.write(bytes(1 << 20))

    return reported("codes.npz", spoil, MADE_ANEW, *says)


def pickled(data: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"mean": data}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def scores(*says: str, **changes: Any) -> Build:
    """Fields of the scores with other values."""
    return reported("metrics.json", lambda path: altered(path, lambda old: {**old, **changes}), *says)


def scores_text(change: Callable[[str], str], *says: str) -> Build:
    return reported("metrics.json", lambda path: path.write_text(change(path.read_text())), *says)


def without_score(name: str) -> Build:
    def spoil(path: Path) -> None:
        altered(path, lambda old: {key: value for key, value in old.items() if key != name})

    return reported("metrics.json", spoil, f"lacks {name}", MADE_ANEW)


def in_split(**changes: Any) -> Callable[[str], str]:
    def change(text: str) -> str:
        whole = json.loads(text)
        whole["splits"]["test"].update(changes)
        return json.dumps(whole)

    return change


def line(text: bytes, *says: str) -> Build:
    """A log whose first line is this one."""
    return reported("log.jsonl", lambda path: path.write_bytes(text + b"\n" + path.read_bytes()), "Line 1", "remove it", *says)


def entry(**changes: Any) -> bytes:
    sound = {"kind": "train", "step": 1, "values": {"loss": 1.0}, "images_per_second": 1.0, "time": 1.0}
    return json.dumps({name: value for name, value in {**sound, **changes}.items() if value != "gone"}).encode()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)


CODES: dict[str, Build] = {
    **{f"no {name}": codes(f"lacks {name}", **{name: None}) for name in MEMBERS},
    "empty": codes_bytes(lambda data: b""),
    "text": codes_bytes(lambda data: b"no zip at all" * 50),
    "truncated": codes_bytes(lambda data: data[: len(data) // 2]),
    "truncated at the end": codes_bytes(lambda data: data[:-30]),
    "a bare array": codes_bytes(lambda data: npy(np.zeros((240, 3), np.float32))),
    "a bit flipped": reported("codes.npz", lambda path: flipped(path, 400), MADE_ANEW),
    "a folder": reported("codes.npz", a_folder, "not a regular file", code=2),
    "pickled": member(pickled(np.zeros(3)), "pickled"),
    "pickled names": codes("pickled", factor_names=lambda found: found.astype(object)),
    "huge header": member(header("", b"\x02\x00", 0xFFFFFFFF), "announces"),
    "petabytes announced": member(header(describe((1 << 40, 64), "<f4")), "announces"),
    "bomb": member(header(describe((240, 3), "<f4")), "announces", repeat=100),
    "means in double precision": codes("mean is float64", mean=lambda found: found.astype(np.float64)),
    "means as whole numbers": codes("mean is int64", mean=lambda found: found.astype(np.int64)),
    "means as text": codes("mean is <U", mean=lambda found: found.astype(str)),
    "means are complex": codes("mean is complex64", mean=lambda found: found.astype(np.complex64)),
    "means are flat": codes("mean is float32", mean=flat),
    "means of another length": codes("variance has shape (240, 3); allowed: 239", mean=lambda found: found[:-1]),
    "no means": codes("variance has shape (240, 3); allowed: 0", mean=lambda found: found[:0]),
    "a latent less": codes("variance has shape (240, 3); allowed: 2", mean=lambda found: found[:, :-1]),
    "two latents": codes("latents: 2", mean=lambda f: f[:, :2], variance=lambda f: f[:, :2], kl=lambda f: f[:2]),
    "variances below 0": codes("variances", variance=lambda found: -found),
    "flags as numbers": codes("is_test is int64", is_test=lambda found: found.astype(np.int64)),
    "index as floats": codes("index is float64", index=lambda found: found.astype(np.float64)),
    "index below 0": codes("index", index=lambda found: found - 1),
    "index twice": codes("index", index=lambda found: found * 0),
    "index beyond the data": codes("images of the data set", index=lambda found: found + 1000),
    "kl of another length": codes("kl has 2 values", kl=lambda found: found[:2]),
    "labels of another length": codes("labels has 3 values", labels=lambda found: np.zeros(3, np.int64)),
    "factors as floats": codes("factors are float64", factors=lambda found: found.astype(np.float64)),
    "factors are flat": codes("factors is", factors=flat),
    "factors beyond their sizes": codes("has codes from", factors=lambda found: found + 100),
    "factors below 0": codes("has codes from -1", factors=lambda found: found - 1),
    "fewer sizes": codes("factor", factor_sizes=lambda found: found[:-1]),
    "sizes of 0, as continuous factors have": codes("factors are int16", factor_sizes=lambda found: found * 0),
    "names of other factors": codes("factors: ('a',", factor_names=lambda found: np.array(["a", "b", "c", "d"])),
}

SCORES: dict[str, Build] = {
    **{f"no {name}": without_score(name) for name in ("images", "of_images", "splits", "kl_per_dim", "active", "metrics")},
    "empty": scores_text(lambda text: "", "truncated"),
    "truncated": scores_text(lambda text: text[: len(text) // 2], "truncated"),
    "a list": scores_text(lambda text: "[]", "list"),
    "binary": reported("metrics.json", lambda path: path.write_bytes(bytes(range(256))), "altered"),
    "NaN": scores_text(in_split(nll=float("nan")), "NaN"),
    "inf": scores_text(lambda text: in_split(nll="HERE")(text).replace('"HERE"', "1e999"), "splits.test.nll is inf", MADE_ANEW),
    "step as text": scores("step is '4'", MADE_ANEW, step="4"),
    "step below 0": scores("step is -4", MADE_ANEW, step=-4),
    "step true": scores("step is True", MADE_ANEW, step=True),
    "splits are a list": scores("splits is []", MADE_ANEW, splits=[]),
    "a split is a number": scores("splits.test is 3", MADE_ANEW, splits={"test": 3}),
    "terms are text": scores_text(in_split(terms="all"), "splits.test.terms is 'all'", MADE_ANEW),
    "a term is a list": scores_text(in_split(terms={"kl": [1]}), "splits.test.terms.kl", MADE_ANEW),
    "a bound is a number": scores_text(in_split(log_p_bound=3), "splits.test.log_p_bound is 3", MADE_ANEW),
    "metrics are text": scores("metrics is 'mig'", MADE_ANEW, metrics="mig"),
    "a metric is a number": scores("metrics.mig is 0.5", MADE_ANEW, metrics={"mig": 0.5}),
    "a score is text": scores("metrics.mig.score is 'good'", MADE_ANEW, metrics={"mig": {"score": "good"}}),
    "parts are a list": scores("kl_parts is []", MADE_ANEW, kl_parts=[]),
    "shares of unequal rows": scores("rows of one length", MADE_ANEW, information_shares=[[1], [1, 2]]),
    "shares are text": scores("information_shares is 'x'", MADE_ANEW, information_shares="x"),
    "names are numbers": scores("follows[0] is 3", MADE_ANEW, follows=[3]),
}

LOGS: dict[str, Build] = {
    "binary": line(bytes(range(128, 256)), "not JSON"),
    "text": line(b"step 1: fine", "not JSON"),
    "cut in the middle": line(entry()[:20], "not JSON"),
    "deep": line(b"[" * 100_000, "not JSON"),
    "a number": line(b"5", "it is 5; allowed: an object"),
    "a list": line(b"[]", "it is []; allowed: an object"),
    "null": line(b"null", "it is None; allowed: an object"),
    "empty line": line(b"", "not JSON"),
    "no step": line(entry(step="gone"), "lacks step"),
    "step as text": line(entry(step="1"), "step is '1'"),
    "step below 0": line(entry(step=-1), "step is -1"),
    "huge step": line(entry(step=10**30), "step is"),
    "no kind": line(entry(kind="gone"), "lacks kind"),
    "kind is a list": line(entry(kind=[]), "kind is []"),
    "no values": line(entry(values="gone"), "lacks values"),
    "values are a list": line(entry(values=[1]), "values is [1]"),
    "a value is text": line(entry(values={"loss": "low"}), "loss", "'low'"),
    "a value is NaN": line(entry(values={"loss": float("nan")}), "loss", "nan"),
    "a value is inf": line(entry(values={"kl_per_dim": [1.0, float("inf")]}), "inf"),
    "a value of 400 digits": line(entry(values={"loss": 10**400}), "loss", "a finite number"),
    "no time": line(entry(time="gone"), "lacks time"),
    "a folder": reported("log.jsonl", a_folder, "Is a directory", "remove it"),
}


def of_another_table(place: Place) -> Wrong:
    run = place.run()
    write_scores(run / "metrics.json", structs.replace(read_scores(run / "metrics.json"), images=239))
    return Wrong(("report", run, "--device", "cpu"), ("codes.npz", "images: 240 there, 239 here", MADE_ANEW), 1)


BUILDERS: dict[str, Build] = {
    "scores of another table": of_another_table,
    **{f"codes: {name}": build for name, build in CODES.items()},
    **{f"scores: {name}": build for name, build in SCORES.items()},
    **{f"log: {name}": build for name, build in LOGS.items()},
}
