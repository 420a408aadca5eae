"""Codes in annotated data, on files that AnnData itself wrote."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from unbraid.cli.main import main
from unbraid.data.codes.files import read_codes
from unbraid.errors import CorruptFile, DataUnavailable, UnknownName, UsageError

N = 30
RNG = np.random.default_rng(0)
CODES, OTHER = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2))
KINDS = np.array(["b", "a", "c"])[np.arange(N) % 3]
AGE = RNG.uniform(20, 80, N)
ENDINGS = ("h5ad", "zarr")


def written(path: Path, obsm: dict | None = None, x=OTHER, **columns) -> Path:
    known = {
        "cell_type": pd.Categorical(KINDS, categories=["a", "b", "c", "never"]),
        "batch": np.arange(N) % 2,
        "treated": np.arange(N) % 5 == 0,
        "age": AGE,
        "barcode": [f"c{i}" for i in range(N)],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        obs = pd.DataFrame({**known, **columns}, index=[f"cell{i}" for i in range(N)])
        made = anndata.AnnData(x, obs=obs, obsm={"X_vae": CODES} if obsm is None else obsm)
        made.write_zarr(path) if path.suffix == ".zarr" else made.write_h5ad(path)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_codes_are_the_entry_of_obsm_and_factors_the_columns_of_obs(tmp_path, ending):
    found = read_codes(written(tmp_path / f"c.{ending}", gap=[None, *range(N - 1)]))
    np.testing.assert_array_equal(found.codes, CODES)
    assert found.factor_names == ("cell_type", "batch", "treated", "age")
    assert found.factor_sizes == (3, 2, 2, 0)
    np.testing.assert_array_equal(
        found.factors, np.stack([np.array([1, 0, 2])[np.arange(N) % 3], np.arange(N) % 2, np.arange(N) % 5 == 0, AGE], 1)
    )
    assert found.left_out == ("barcode", "gap")
    assert found.notes[0] == "Latents are X_vae."


@pytest.mark.parametrize("ending", ENDINGS)
def test_variances_stand_beside_codes(tmp_path, ending):
    path = written(tmp_path / f"c.{ending}", {"X_vae": CODES, "X_vae_logvar": np.log(CODES**2), "X_pca": OTHER})
    with pytest.raises(UsageError, match="--latents NAME: X_pca, X_vae, X"):
        read_codes(path)
    found = read_codes(path, ["cell_type"], ["X_vae"])
    np.testing.assert_allclose(found.variance, CODES**2)
    assert found.factor_names == ("cell_type",)
    assert read_codes(path, latents=["X_pca"]).variance is None


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("x", [OTHER, csr_matrix(OTHER)], ids=["dense", "sparse"])
def test_without_entries_of_obsm_codes_are_x(tmp_path, ending, x):
    np.testing.assert_array_equal(read_codes(written(tmp_path / f"c.{ending}", {}, x)).codes, OTHER)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"latents": ["X_umap"]}, UnknownName, "X_vae"),
        ({"latents": ["X_vae", "X"]}, UsageError, "give one entry: X_vae, X"),
        ({"factors": ["cell"]}, UnknownName, "cell_type"),
        ({"continuous": ["cell_type"]}, UsageError, "holds texts"),
        ({"factors": ["gap"]}, UsageError, "the value of row 0 is missing"),
        ({"most": 100}, UsageError, "--max-memory"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, ending, options, error, says):
    path = written(tmp_path / f"c.{ending}", gap=[None, *range(N - 1)])
    with pytest.raises(error, match=says):
        read_codes(path, **options)


@pytest.mark.parametrize(("part", "value"), [("indices", 10**6), ("indices", -1), ("indptr", 10**6)])
def test_sparse_tables_whose_indices_lead_elsewhere_are_refused(tmp_path, part, value):
    path = written(tmp_path / "c.h5ad", {}, csr_matrix(OTHER))
    with h5py.File(path, "a") as file:
        file[f"X/{part}"][-1] = value
    with pytest.raises(CorruptFile, match="Write it again with AnnData"):
        read_codes(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_that_announce_more_than_memory_are_not_read(tmp_path, ending):
    path, huge = written(tmp_path / f"c.{ending}"), (10**10,)
    if ending == "h5ad":
        with h5py.File(path, "a") as file:
            del file["obs/batch"]
            file["obs"].create_dataset("batch", huge, "i8", chunks=(1000,)).attrs["encoding-type"] = "array"
    else:
        (path / ".zmetadata").unlink(missing_ok=True)
        batch = next(file for file in (path / "obs" / "batch").iterdir() if file.name in (".zarray", "zarr.json"))
        batch.write_text(json.dumps({**json.loads(batch.read_text()), "shape": huge}))
    with pytest.raises(UsageError, match="take 80 GB or more; allowed: 4 GB"):
        read_codes(path)


def test_files_that_are_no_annotated_data_or_damaged(tmp_path):
    path = written(tmp_path / "c.h5ad")
    (tmp_path / "d.h5ad").write_bytes(path.read_bytes()[:3000])
    (tmp_path / "e.h5ad").write_text("cells")
    (tmp_path / "f.zarr").mkdir()
    whole = written(tmp_path / "g.zarr")
    for file in [file for file in (whole / "obsm").rglob("*") if file.is_file()]:
        file.write_bytes(b"x")
    for name in ("d.h5ad", "e.h5ad", "f.zarr", "g.zarr"):
        with pytest.raises(CorruptFile, match=name):
            read_codes(tmp_path / name)
    for name in ("none.h5ad", "none.zarr"):
        with pytest.raises(UsageError, match="There is no"):
            read_codes(tmp_path / name)


def test_pickled_objects_are_never_loaded(tmp_path):
    path = written(tmp_path / "c.zarr")
    array = next(file for file in path.rglob("*") if file.name in (".zarray", "zarr.json") and "age" in str(file.parent))
    content = json.loads(array.read_text())
    content["filters"] = [{"id": "pickle", "protocol": 5}]
    array.write_text(json.dumps(content).replace('"pickle"', '"\\u0070ickle"'))
    with pytest.raises(CorruptFile, match="pickled objects, which are never loaded"):
        read_codes(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_no_encoding_hides_pickled_objects(tmp_path, encoding):
    path = written(tmp_path / "c.zarr")
    array = next(file for file in path.rglob("*") if file.name in (".zarray", "zarr.json") and "age" in str(file.parent))
    content = json.loads(array.read_text())
    content["filters"] = [{"id": "pickle", "protocol": 5}]
    array.write_bytes(json.dumps(content).encode(encoding))
    with pytest.raises(CorruptFile, match="pickled objects, which are never loaded"):
        read_codes(path)


def test_what_cannot_be_searched_for_pickled_objects_is_refused(tmp_path):
    path = written(tmp_path / "c.zarr")
    shutil.move(path / "obsm", tmp_path / "elsewhere")
    (path / "obsm").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptFile, match="obsm is a link to a folder, which is not followed"):
        read_codes(path)
    (path / "obsm").unlink()
    shutil.move(tmp_path / "elsewhere", path / "obsm")
    next(file for file in (path / "obsm").rglob("*") if file.name in (".zarray", "zarr.json")).write_text("{")
    with pytest.raises(CorruptFile, match="is no JSON"):
        read_codes(path)


def test_without_anndata_the_package_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "c.h5ad")
    monkeypatch.setitem(__import__("sys").modules, "anndata.io", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'unbraid\[anndata\]'"):
        read_codes(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_command_line_scores_them(tmp_path, ending, monkeypatch, capsys):
    path = written(tmp_path / f"c.{ending}")
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", path.name, "--metrics", "mig", "--intervals", "0"]) == 0
    assert "cell_type (3), batch (2), treated (2), age" in " ".join(capsys.readouterr().out.split())
    written_scores = json.loads((tmp_path / f"c.{ending}.scores.json").read_text())
    assert written_scores["factors"] == {"cell_type": 3, "batch": 2, "treated": 2, "age": 0}
    assert main(["audit", path.name, "--metrics", "mig", "--factors", "cell_type"]) == 0
    assert (tmp_path / f"c.{ending}.audit.json").is_file()
    shutil.rmtree(tmp_path / "c.zarr", ignore_errors=True)
