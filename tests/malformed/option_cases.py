"""Values of the command line, and paths, that cannot be."""

from __future__ import annotations

import numpy as np

from helpers.tiny import TINY
from malformed.corpus import TRAIN, Build, Place, Wrong

SHORT = ("train", "beta_vae", TINY, "--out", "/proc/none/run")
"""A run that cannot begin: what is not refused before fails at its folder."""


def words(*tokens: object, says: tuple[str, ...], code: int = 2) -> Build:
    return lambda place: Wrong(tokens, says, code)


def option(flag: str, value: str, *says: str) -> Build:
    """A value of an option of `unbraid train`."""
    return words(*SHORT, f"{flag}={value}", says=(flag, *says))


def out_in_a_file(place: Place) -> Wrong:
    (place.folder / "file").write_text("mine")
    return Wrong((*TRAIN, "--out", place.folder / "file" / "run"), (str(place.folder / "file"), "another --out"), 1)


def out_is_a_file(place: Place) -> Wrong:
    (place.folder / "file").write_text("mine")
    return Wrong((*TRAIN, "--out", place.folder / "file"), (str(place.folder / "file"), "another --out"), 2)


def out_is_a_loop(place: Place) -> Wrong:
    (place.folder / "loop").symlink_to(place.folder / "loop")
    return Wrong((*TRAIN, "--out", place.folder / "loop"), (str(place.folder / "loop"), "another --out"), 1)


def out_is_somebody_elses(place: Place) -> Wrong:
    (place.folder / "work").mkdir()
    (place.folder / "work" / "thesis.tex").write_text("mine")
    return Wrong((*TRAIN, "--out", place.folder / "work", "--overwrite"), ("not a run folder", "another --out"), 2)


def out_of_another_run(place: Place) -> Wrong:
    return Wrong((*TRAIN, "--beta", "9", "--out", place.run()), ("beta", "another --out", "--overwrite"), 2)


def run_is(kind: str, command: str) -> Build:
    """A path that is no run folder, given to a command."""

    def build(place: Place) -> Wrong:
        path = place.folder / kind
        if kind == "file":
            path.write_text("mine")
        elif kind == "folder":
            path.mkdir()
        elif kind == "loop":
            path.symlink_to(path)
        return Wrong((command, path), (str(path), "not a run folder", "config.json"), 2)

    return build


def dsprites_at(make: str, *says: str, code: int = 1) -> Build:
    def build(place: Place) -> Wrong:
        path = place.folder / "dsprites.npz"
        contents = {"text": b"no data" * 100, "empty": b"", "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100)}
        if make in contents:
            path.write_bytes(contents[make])
        elif make == "folder":
            path.mkdir()
        elif make == "loop":
            path.symlink_to(path)
        elif make == "pickle":
            np.savez(path, imgs=np.array([{"a": 1}], dtype=object), allow_pickle=True)
        return Wrong(("train", "vae", "dsprites", "--file", path, "--device", "cpu"), (str(path), *says), code)

    return build


LONG = "x" * 300
BUILDERS: dict[str, Build] = {
    **{f"beta {value}": option("--beta", value, "finite number at least 0") for value in ("nan", "inf", "-inf", "-1", "1e999")},
    **{f"lr {value}": option("--lr", value, "finite number above 0") for value in ("nan", "0", "-1e-3", "inf")},
    **{
        f"steps {value!r}": option("--steps", value)
        for value in ("", "four", "1.5", "nan", "inf", "0", "-3", "0x10", "１２.５", "1e400")
    },
    **{f"latents {value}": option("--latent-dim", value) for value in ("0", "-1", "10001", "9" * 400, "1e3000")},
    "steps of 5,000 digits": option("--steps", "1" * 5000),
    "seed of 2**53": option("--seed", str(2**53), "below"),
    "seed below 0": option("--seed", "-1", "at least 0"),
    "epochs 0": option("--epochs", "0", "above 0"),
    "epochs nan": option("--epochs", "nan", "above 0"),
    "epochs beyond all numbers": words(*SHORT, "--epochs", "1e308", says=("--epochs",)),
    "steps and epochs": words(*SHORT, "--epochs", "1", "--steps", "4", says=("--steps", "--epochs", "not both")),
    "batch 0": option("--batch-size", "0", "at least 1"),
    "batch above the images": option("--batch-size", "1000000000000", "192"),
    "share 1": words(*SHORT, "--test-share", "1", says=("--test-share", "below 1")),
    "share nan": words(*SHORT, "--test-share", "nan", says=("--test-share", "at least 0")),
    "precision": option("--precision", "float16", "float32"),
    "optimizer": option("--optimizer", "Adam", "adam"),
    "flag with a value": words(*SHORT, "--overwrite=perhaps", says=("perhaps",)),
    "order in other letters": option("--order", "ÜBER", "shuffled"),
    "size as text": words("train", "vae", "ellipses", "--size", "big", says=("--size", "big")),
    "encoder with a slash": words(*SHORT, "--encoder", "../mlp", says=("Unknown encoder", "unbraid list encoders")),
    "empty encoder": words(*SHORT, "--encoder", "", "--latent-dim", "0", says=("--latent-dim", "at least 1")),
    "empty model": words("train", "", TINY, says=("needs a model", "unbraid list models")),
    "model of emoji": words("train", "🦆", TINY, says=("Unknown model", "unbraid list models")),
    "model of a control character": words("train", "v\x1bae", TINY, says=("Unknown model", "unbraid list models")),
    "data of emoji": words("train", "vae", "🦆", says=("Unknown data set", "unbraid list datasets")),
    "data with a path that takes none": words("train", "vae", "ellipses:here", says=("'ellipses:here'", "write ellipses")),
    "npz without a path": words("train", "vae", "npz", says=("npz:PATH",)),
    "npz: without a path": words("train", "vae", "npz:", says=("npz:PATH",)),
    "folder: without a path": words("train", "vae", "folder:", says=("folder:PATH",)),
    "npz that is missing": words("train", "vae", "npz:none.npz", says=("none.npz", "npz:PATH")),
    "folder that is missing": words("train", "vae", "folder:none", says=("none", "does not exist")),
    "npz with a long name": words("train", "vae", f"npz:{LONG}", says=("File name too long", "Check the path"), code=1),
    "data given in Python": words("train", "vae", "arrays", says=("given in Python", "unbraid.train")),
    "device": option("--device", "cuda:99", "allowed: auto, cpu"),
    "device of another make": option("--device", "meta", "allowed: auto, cpu"),
    "images to evaluate": option("--evaluate-images", "1", "--evaluate-images", "at least 2"),
    "extend 0": option("--extend", "0", "at least 1"),
    "extend backwards": words(*TRAIN, "--extend", "2", says=("--extend 2", "before the end")),
    "out with a long name": words(*TRAIN, "--out", LONG, says=("File name too long", "Check the path"), code=1),
    "out with a control character": words(*TRAIN, "--out", "a\nb", says=("not printable", "another --out")),
    "out in a file": out_in_a_file,
    "out is a file": out_is_a_file,
    "out is a loop of links": out_is_a_loop,
    "out is somebody else's folder": out_is_somebody_elses,
    "out of another run": out_of_another_run,
    "out in a place for devices": words(*TRAIN, "--out", "/proc/none/run", says=("/proc/none", "another --out"), code=1),
    **{
        f"{command} a {kind}": run_is(kind, command)
        for command in ("evaluate", "report")
        for kind in ("file", "folder", "loop")
    },
    "evaluate a long name": words("evaluate", LONG, says=("File name too long", "Check the path"), code=1),
    "evaluate nothing": words("evaluate", "", says=("not a run folder",)),
    "download nothing known": words("download", "mnits", says=("Did you mean 'mnist'",)),
    "show nothing known": words("show", "bernouli", says=("Did you mean 'bernoulli'",)),
    "show of no shape": words("show", "vae", "--image-shape", "1,64", says=("--image-shape", "1,64,64")),
    "show of a shape below 0": words("show", "vae", "--image-shape", "1,-64,64", says=("--image-shape",)),
    "show of a huge shape": words(
        "show", "vae", "--image-shape", "3,100000000,100000000", says=("100000000 x 100000000", "Give --size")
    ),
    "show of too many latents": words("show", "vae", "--latent-dim", "1000000000000", says=("--latent-dim",)),
    "dsprites of text": dsprites_at("text", "MD5", "leave out --file"),
    "dsprites empty": dsprites_at("empty", "MD5", "leave out --file"),
    "dsprites of an HDF5 header": dsprites_at("hdf5", "MD5", "leave out --file"),
    "dsprites pickled": dsprites_at("pickle", "MD5", "leave out --file"),
    "dsprites missing": dsprites_at("none", "No such file", "Check --file"),
    "dsprites is a folder": dsprites_at("folder", "is not a file", "--file", code=2),
    "dsprites is a loop of links": dsprites_at("loop", "symbolic links", "Check --file"),
}
