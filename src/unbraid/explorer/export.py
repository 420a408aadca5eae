"""A trained model in a folder of its own, for use without unbraid and without PyTorch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.codes import CodeTable
from unbraid.data.storage import SHARES
from unbraid.errors import UnbraidError, UsageError
from unbraid.explorer.onnx_files import Decoder, Encoder, onnx_files
from unbraid.files import read_json, require_writable, whole_file
from unbraid.model import Model
from unbraid.reporting.command import command_line

FORMAT = 1
DESCRIPTION, EXAMPLE = "model.json", "example.py"
FILES = ("encoder.onnx", "decoder.onnx", DESCRIPTION, EXAMPLE)


def export_model(
    model: Model,
    folder: Path,
    *,
    table: CodeTable | None = None,
    follows: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write `encoder.onnx`, `decoder.onnx`, `model.json` and `example.py` to a folder; returns the folder.

    `encoder.onnx` takes float32 `images` (n, channel, height, width) in [0, 1] and gives `mean` and `variance` of the latents,
    without the latter where latents are quantized; `decoder.onnx` takes `codes` (n, latents) and gives `images` in [0, 1].
    `model.json` says what these are, which values of the images of the training were black (0) and white (1), what each latent
    was measured to be, and the command that trains the model.

    Args:
        table: codes of the data, from which each latent's range and KL are taken.
        follows: the factor that each latent follows, "" for none.
        overwrite: whether files of an earlier export are replaced.

    Raises `UsageError` where files are there already, and what `onnx_files` raises; nothing is written then.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give the name of a folder.")
    require_writable(folder / DESCRIPTION)
    present = [name for name in FILES if (folder / name).exists()]
    if present and not overwrite:
        raise UsageError(f"{folder} holds {', '.join(present)} already; give another folder, or --overwrite to replace them.")
    if present and not _is_export(folder / DESCRIPTION):
        raise UsageError(
            f"{folder} holds {', '.join(present)}, which unbraid did not export, so that --overwrite does not replace them; "
            "give another folder."
        )
    made = onnx_files(model)
    about = {**_description(model, made), "latents": _latents(table, follows)}
    made[DESCRIPTION] = (json.dumps(about, indent=2, allow_nan=False) + "\n").encode()
    made[EXAMPLE] = resources.files("unbraid.explorer").joinpath("example.py.txt").read_bytes()
    for name in FILES:
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(made[name])
    return folder


def _is_export(path: Path) -> bool:
    try:
        return "unbraid" in read_json(path, "the description of a model")
    except UnbraidError:
        return False


def _description(model: Model, made: Mapping[str, bytes]) -> dict[str, Any]:
    experiment = model.experiment.portable()
    books = model.codebooks
    numbers = model.value_range or SHARES
    parts = {"encoder": ("images", Encoder(model).outputs), "decoder": ("codes", Decoder.outputs)}
    files = {
        part: {
            "file": f"{part}.onnx",
            "sha256": hashlib.sha256(made[f"{part}.onnx"]).hexdigest(),
            "input": given,
            "outputs": list(outputs),
        }
        for part, (given, outputs) in parts.items()
    }
    return {
        "format": FORMAT,
        "unbraid": version("unbraid"),
        "model": experiment.model,
        "data": experiment.data_name,
        "step": model.step,
        "command": command_line(experiment),
        "image_shape": list(model.image_shape),
        "value_range": {"black": numbers.black, "white": numbers.white},
        "latent_dim": model.latent_dim,
        "prior": model.experiment.recipe().prior,
        "codebooks": None if books is None else books.tolist(),
        **files,
    }


def _latents(table: CodeTable | None, follows: Sequence[str]) -> list[dict[str, Any]]:
    """Mean and standard deviation of each latent over the data, its KL in nats, and the factor it follows."""
    if table is None:
        return []
    mean = table.mean.astype(np.float64)
    spread = np.sqrt(mean.var(0) + table.variance.astype(np.float64).mean(0))
    kl = table.kl if len(table.kl) == table.latent_dim else np.full(table.latent_dim, np.nan)
    named = follows or [""] * table.latent_dim
    return [
        {
            "mean": float(mean[:, j].mean()),
            "sd": float(spread[j]),
            "kl": float(kl[j]) if np.isfinite(kl[j]) else None,
            "follows": named[j],
        }
        for j in range(table.latent_dim)
    ]
