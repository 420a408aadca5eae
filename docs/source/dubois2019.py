"""The numbers of the published weights of Dubois et al. (2019), for the study dsprites-objectives.

    python docs/source/dubois2019.py FOLDER [--out FILE] [--codes FOLDER]

FOLDER holds their models as VAE_dsprites/model.pt and so on, or VAE_dsprites.safetensors. Each is imported, encodes all of
dSprites (minutes on a core) and is scored; rows that FILE has already stay. Codes are kept in the folder --codes, if that is
given, and read from there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

import unbraid
from unbraid.data.dataset import load_dataset
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.files import read_json, write_json
from unbraid.studies.released import FILE, NAMES, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "ledger" / FILE)
    parser.add_argument("--codes", type=Path)
    parser.add_argument("--models", default=",".join(NAMES), help="names, joined by commas")
    given = parser.parse_args()
    data = load_dataset("dsprites", test_share=0.0)
    rows = {row["name"]: row for row in read_json(given.out, "scores")["rows"]} if given.out.is_file() else {}
    for name in given.models.split(","):
        places = [given.folder / name / "model.pt", given.folder / f"{name}.safetensors"]
        file = next((path for path in places if path.is_file()), None)
        if file is None or name in rows:
            print(f"{name}: {'there already' if name in rows else 'no file'}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            model = unbraid.import_run("dubois2019", file, Path(folder) / name)
        rows[name] = measure(name, model, data, *codes(model, data, given.codes / f"{name}.npz" if given.codes else None))
        given.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(given.out, {"rows": [rows[own] for own in NAMES if own in rows]})
        print(f"{name}: AAM {rows[name]['quadrature']['aam']:.3f}")


def codes(model: unbraid.Model, data: unbraid.Dataset, path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if path is not None and path.is_file():
        with np.load(path) as kept:
            return kept["mean"], kept["variance"]
    mean, variance = encode_posteriors(model.vae, data, index=np.arange(len(data)), device=torch.device("cpu"))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, mean=mean, variance=variance)
    return mean, variance


if __name__ == "__main__":
    main()
