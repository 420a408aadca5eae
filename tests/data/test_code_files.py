"""Codes of anybody's encoder: the kinds of file say the same, and columns are what their names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unbraid.data.codes.columns import Roles, roles
from unbraid.data.codes.files import read_codes
from unbraid.data.codes.latent_names import SPREADS, numbered, plain
from unbraid.errors import UnknownName, UsageError

CODES = np.array([[0.5, -1.0], [1.5, 2.0], [0.25, 4.0], [3.0, 0.125]])
VARIANCE = np.array([[0.25, 1.0], [1.0, 4.0], [2.25, 1.0], [0.01, 9.0]])
SHAPES, SIZES = ["heart", "ball", "ball", "cube"], [10, 0.5, 2, 10]
COLUMNS = {
    "mu_0": CODES[:, 0],
    "mu_1": CODES[:, 1],
    "logvar_0": np.log(VARIANCE[:, 0]),
    "logvar_1": np.log(VARIANCE[:, 1]),
    "shape": SHAPES,
    "size": SIZES,
}


def csv(path: Path, columns: dict, delimiter: str = ",") -> Path:
    rows = [columns, *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(delimiter.join(map(str, row)) for row in rows) + "\n")
    return path


def parquet(path: Path, columns: dict) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)
    return path


def npz(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def factors() -> np.ndarray:
    return np.stack([np.array(SHAPES), np.array(list(map(str, SIZES)))], axis=1)


def check(found):
    np.testing.assert_allclose(found.codes, CODES)
    np.testing.assert_allclose(found.variance, VARIANCE)
    np.testing.assert_array_equal(found.factors, [[2, 2], [0, 0], [0, 1], [1, 2]])
    assert found.factor_names == ("shape", "size")
    assert found.factor_sizes == (3, 3)


def test_all_kinds_of_file_say_the_same(tmp_path):
    check(read_codes(csv(tmp_path / "c.csv", COLUMNS)))
    check(read_codes(csv(tmp_path / "c.TSV", COLUMNS, "\t")))
    check(read_codes(parquet(tmp_path / "c.parquet", COLUMNS)))
    names = np.array(["shape", "size"])
    for form in (
        {"codes": CODES, "variance": VARIANCE},
        {"mean": CODES.astype(np.float64), "logvar": np.log(VARIANCE)},
        {"mu": CODES, "std": np.sqrt(VARIANCE)},
        {"z_mean": CODES, "z_log_sigma": np.log(VARIANCE) / 2},
    ):
        check(read_codes(npz(tmp_path / "c.npz", factors=factors(), factor_names=names, **form)))


def test_whole_numbers_booleans_and_half_precision_are_numbers(tmp_path):
    for kind in (np.int8, np.float16, bool):
        codes = np.array([[0, 1], [1, 0], [1, 1]], kind)
        found = read_codes(npz(tmp_path / "c.npz", codes=codes, factors=np.arange(3)[:, None]))
        np.testing.assert_array_equal(found.codes, codes.astype(float))
        assert found.variance is None
        assert found.factor_names == ("factor_0",)


def test_an_untrained_encoder_may_have_other_latents(tmp_path):
    path = npz(tmp_path / "c.npz", codes=CODES, factors=factors(), untrained=np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(read_codes(path).untrained, np.arange(12.0).reshape(4, 3))


def test_factors_are_chosen_by_name(tmp_path):
    path = npz(tmp_path / "c.npz", codes=CODES, factors=factors(), factor_names=np.array(["shape", "size"]))
    assert read_codes(path, ["size"]).factor_names == ("size",)
    found = read_codes(csv(tmp_path / "c.csv", COLUMNS), ["size"])
    assert (found.factor_names, found.left_out) == (("size",), ("shape",))


HEADER = ["z1", "z0", "shape", "x"]
ROLES = {
    "by their names, in the order of their numbers": (HEADER, {}, Roles(("z0", "z1"), (), ("shape", "x"), False, ())),
    "plain numbers": (["0", "1", "x"], {}, Roles(("0", "1"), (), ("x",), False, ())),
    "named latents leave out those not named": (
        HEADER,
        {"latents": ["z0"]},
        Roles(("z0",), (), ("shape", "x"), False, ("z1",)),
    ),
    "named factors leave out those not named": (
        [*HEADER, "note"],
        {"factors": ["x"]},
        Roles(("z0", "z1"), (), ("x",), True, ("shape", "note")),
    ),
    "all other numbers beside named factors": (
        ["width", "tone", "x", "file"],
        {"factors": ["x"], "texts": {"file"}},
        Roles(("width", "tone"), (), ("x",), True, ("file",)),
    ),
    "variances follow the order of latents": (
        ["std_1", "std_0", "mean_0", "mean_1", "x"],
        {},
        Roles(("mean_0", "mean_1"), ("std_0", "std_1"), ("x",), False, ()),
    ),
    "variances of named latents": (
        ["var_1", "var_0", "mean_0", "mean_1", "x"],
        {"latents": ["mean_1"]},
        Roles(("mean_1",), ("var_1",), ("x",), False, ("var_0", "mean_0")),
    ),
    "a factor named like a latent": (["z0", "z1", "z2"], {"factors": ["z2"]}, Roles(("z0", "z1"), (), ("z2",), True, ())),
    "a number without a name of latents": (["z0", "x1"], {}, Roles(("z0",), (), ("x1",), False, ())),
}


@pytest.mark.parametrize(("header", "given", "expected"), ROLES.values(), ids=ROLES)
def test_which_column_is_what(header, given, expected):
    given = dict(given)
    assert roles(header, given.pop("texts", set()), Path("t.csv"), **given) == expected


def test_names_in_many_spellings():
    assert {plain(name) for name in ("z_log_var", "LogVar", "/encoder/logvar", "latent.log-var")} == {"logvar"}
    assert plain("z") == "z"
    assert numbered("mu12") == ("mu", 12)
    assert numbered("z_mean_3") == ("mean", 3)
    assert numbered("scale2") is None
    assert "sigma2" not in SPREADS  # a variance, and no name says so clearly
    assert SPREADS["logstd"](np.log(np.array([3.0]))) == pytest.approx(9)
    assert SPREADS["std"](np.array([-2.0])) < 0  # refused later


def test_columns_of_latents_are_no_texts_below_a_first_number(tmp_path):
    path = csv(tmp_path / "c.csv", {"a": [1, "two", 3], "x": [0, 1, 0]})
    with pytest.raises(UsageError, match=r"'two' in row 1"):
        read_codes(path, ["x"])


def test_continuous_factors_of_every_kind_of_file_keep_their_numbers(tmp_path):
    angle = [0.1, 2.5, -3.25, 1.0]
    columns = {**COLUMNS, "angle": angle}
    whole = np.column_stack([factors(), list(map(str, angle))])
    names = np.array(["shape", "size", "angle"])
    for found in (
        read_codes(csv(tmp_path / "c.csv", columns), continuous=["angle"]),
        read_codes(parquet(tmp_path / "c.parquet", columns), continuous=["angle"]),
        read_codes(npz(tmp_path / "c.npz", codes=CODES, factors=whole, factor_names=names), continuous=["angle"]),
    ):
        assert found.continuous == ("angle",)
        assert found.factor_sizes == (3, 3, 0)
        np.testing.assert_array_equal(found.factors, np.column_stack([[2, 0, 0, 1], [2, 0, 1, 2], angle]))
    with pytest.raises(UsageError, match="--continuous angle"):  # as many values as rows, and nobody said so
        read_codes(tmp_path / "c.csv")
    with pytest.raises(UnknownName, match="angel"):
        read_codes(tmp_path / "c.csv", continuous=["angle", "angel"])


def test_codes_of_a_run_say_which_factors_are_continuous(tmp_path):
    values = np.array([[0, 0.5], [1, 0.25], [1, 0.125], [0, 1.5]])
    path = npz(tmp_path / "c.npz", mean=CODES, factors=values, factor_names=np.array(["a", "x"]), factor_sizes=np.array([2, 0]))
    found = read_codes(path)
    assert found.continuous == ("x",)
    np.testing.assert_array_equal(found.factors, values)
