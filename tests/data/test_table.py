"""Tables of factors and labels."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from unbraid.data.files.table import Wanted, read_table
from unbraid.errors import DataUnavailable

ROWS = {
    "x": [0, 2, 0, 10],
    "angle": [0.5, 0.25, 0.5, 0.25],
    "shape": ["cube", "ball", "ball", "cube"],
    "label": ["b", "a", "a", "b"],
}
FILES = ["a.png", "b.png", "sub/c.png", "sub/d.png"]


def written(path, columns, delimiter=","):
    lines = [columns, *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(delimiter.join(map(str, line)) for line in lines) + "\n", encoding="utf-8")
    return path


def parquet(path, columns):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)
    return path


def check(known):
    assert known.space.names == ("x", "angle", "shape")
    assert known.space.factors[0].values == (0, 2, 10)
    assert known.space.factors[1].values == (0.25, 0.5)
    assert known.space.factors[2].labels == ("ball", "cube")
    np.testing.assert_array_equal(known.factors, [[0, 1, 1], [1, 0, 0], [0, 1, 0], [2, 0, 1]])
    np.testing.assert_array_equal(known.labels, [1, 0, 0, 1])
    assert known.label_names == ("a", "b")


def test_the_three_kinds_of_file_say_the_same(tmp_path):
    wanted = Wanted(4)
    check(read_table(written(tmp_path / "t.csv", ROWS), wanted))
    check(read_table(written(tmp_path / "t.TSV", ROWS, "\t"), wanted))
    check(read_table(parquet(tmp_path / "t.parquet", ROWS), wanted))
    import pyarrow as pa

    shapes = pa.DictionaryArray.from_arrays([2, 0, 0, 2], ["ball", "never seen", "cube"])
    coded = {**ROWS, "shape": shapes}
    check(read_table(parquet(tmp_path / "coded.parquet", coded), wanted))


@pytest.mark.parametrize("write", [written, parquet])
def test_rows_that_name_files_may_stand_in_any_order(tmp_path, write):
    order = [2, 0, 3, 1]
    shuffled = {name: [values[i] for i in order] for name, values in {"file": FILES, **ROWS}.items()}
    ending = "csv" if write is written else "parquet"
    check(read_table(write(tmp_path / f"t.{ending}", shuffled), Wanted(4, files=FILES)))


def test_a_file_column_is_no_factor_where_images_have_no_files(tmp_path):
    check(read_table(written(tmp_path / "t.csv", {"file": FILES, **ROWS}), Wanted(4)))


def test_columns_are_chosen_by_name(tmp_path):
    path = written(tmp_path / "t.csv", ROWS)
    known = read_table(path, Wanted(4, factors="shape, x", label="angle"))
    assert known.space.names == ("shape", "x")
    assert known.label_names == ("0.25", "0.5")
    known = read_table(path, Wanted(4, factors="label", label="shape"))
    assert known.space.names == ("label",)


def test_columns_that_are_left_out_may_hold_anything(tmp_path):
    path = written(tmp_path / "t.csv", {**ROWS, "note": ["", "nan", "x", "y"]})
    assert read_table(path, Wanted(4, factors="x")).space.names == ("x",)


def test_spreadsheets_quotes_marks_and_blank_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbf"a b", c\r\n"1,5",1\r\n\r\n"x ""y""", 2.0\r\n')
    known = read_table(path, Wanted(2))
    assert known.space.names == ("a b", "c")
    assert known.space.factors[0].labels == ("1,5", 'x "y"')
    assert known.space.factors[1].values == (1, 2)


def test_one_number_written_twice_is_one_value(tmp_path):
    known = read_table(written(tmp_path / "t.csv", {"x": ["0.1", "0.10", "1e-1", "1"]}), Wanted(4))
    assert known.space.factors[0].values == (0.1, 1)


def test_without_pyarrow_the_way_out_is_named(tmp_path, monkeypatch):
    path = parquet(tmp_path / "t.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'unbraid\[parquet\]'.*csv"):
        read_table(path, Wanted(4))
