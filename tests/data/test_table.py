"""Tables of factors and labels."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from unbraid.data.files.table import Wanted, read_table
from unbraid.errors import DataUnavailable, UsageError

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


NAMED = {
    "paths": FILES,
    "with backslashes": [name.replace("/", "\\") for name in FILES],
    "file names": ["a.png", "b.png", "c.png", "d.png"],
    "without endings": ["a", "b", "c", "d"],
    "another ending": ["A.JPG", "B.JPG", "C.JPG", "D.JPG"],
    "paths without endings": ["./a", "./b", "./sub/c", "./sub/d"],
}


@pytest.mark.parametrize("column", ["file", "filename", "File", "image_id", "Image ID", "img-path", "picture"])
@pytest.mark.parametrize("names", NAMED)
def test_a_column_that_names_images_pairs_them_whatever_it_is_called(tmp_path, column, names):
    order = [2, 0, 3, 1]
    shuffled = {name: [values[i] for i in order] for name, values in {column: NAMED[names], **ROWS}.items()}
    known = read_table(written(tmp_path / "t.csv", shuffled), Wanted(4, files=FILES))
    check(known)
    assert known.notes[0] == f"Rows of t.csv are paired with images by column {column!r}."


def test_numbers_name_files_with_zeros_before_them(tmp_path):
    files = [f"{i:06}.jpg" for i in (7, 20, 100)]
    for name in ("id", "image_id"):
        path = written(tmp_path / "t.csv", {name: [100, 7, 20], "x": [3, 1, 2]})
        known = read_table(path, Wanted(3, files=files))
        assert known.factors[:, 0].tolist() == [0, 1, 2]
        assert known.space.names == ("x",)


def test_a_table_of_more_images_than_the_folder_has_is_taken_by_name(tmp_path):
    path = written(tmp_path / "t.csv", {"filename": ["b.png", "z.png", "a.png"], "x": [2, 9, 1], "k": ["v", "", "u"]})
    known = read_table(path, Wanted(2, files=["a.png", "b.png"]))
    assert [factor.size for factor in known.space.factors] == [2, 2]
    assert known.factors.tolist() == [[0, 0], [1, 1]]
    assert "1 rows are of no image" in known.notes[0]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"filename": ["a.png", "b.png", "c.png", "c.png"]}, "more than one row is of 'sub/c.png'"),
        ({"image_id": ["a.png", "b.png", "c.png", "z.png"]}, "no row is of 'sub/d.png'; no image is 'z.png'"),
        ({"whatever": ["a.png", "b.png", "c.png", "z.png"]}, "column 'whatever' must name each image once"),
        ({"file": [1, 2, 3, 4]}, "must name each image once"),
        ({"file": FILES, "image": FILES[::-1]}, "'file' and 'image' both say of which image a row is, and differ"),
    ],
)
def test_names_that_pair_no_rows_are_refused(tmp_path, columns, says):
    path = written(tmp_path / "t.csv", {**columns, "x": [1, 2, 1, 2]})
    with pytest.raises(UsageError, match=says):
        read_table(path, Wanted(4, files=FILES))


def test_one_name_in_two_folders_needs_the_path(tmp_path):
    files = ["one/a.png", "two/a.png"]
    with pytest.raises(UsageError, match="one name is that of 'one/a.png', 'two/a.png'"):
        read_table(written(tmp_path / "t.csv", {"file": ["a.png", "b.png"], "x": [1, 2]}), Wanted(2, files=files))
    known = read_table(written(tmp_path / "t.csv", {"file": files[::-1], "x": [1, 2]}), Wanted(2, files=files))
    assert known.factors[:, 0].tolist() == [1, 0]


def test_rows_are_paired_by_order_only_where_nothing_names_images_and_that_is_said(tmp_path):
    for files in (FILES, None):
        known = read_table(written(tmp_path / "t.csv", ROWS), Wanted(4, files=files))
        check(known)
        assert "by their order" in known.notes[0]
        captions = {"caption": ["one", "two", "three", "four"], **ROWS}
        known = read_table(written(tmp_path / "t.csv", captions), Wanted(4, files=files))
        check(known)  # texts that all differ are no factor
        assert "Left out, since they name rows: 'caption'" in known.notes[1]
    assert read_table(written(tmp_path / "t.csv", captions), Wanted(4, factors="caption")).space.sizes == (4,)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["", "index", "id", "image_id"])
def test_images_without_files_are_paired_by_their_numbers(tmp_path, name, first):
    order = [2, 0, 3, 1]
    shuffled = {name: [i + first for i in order], **{key: [values[i] for i in order] for key, values in ROWS.items()}}
    check(read_table(written(tmp_path / "t.csv", shuffled), Wanted(4)))
    check(read_table(written(tmp_path / "t.csv", {name: [5, 6, 9, 12], **ROWS}), Wanted(4)))  # an index of a part


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_a_csv_with_something_else_between_the_cells_is_split(tmp_path, between):
    check(read_table(written(tmp_path / "t.csv", ROWS, between), Wanted(4)))


def test_decimal_commas_are_numbers_where_semicolons_stand_between(tmp_path):
    columns = {**ROWS, "angle": ["0,5", "0,25", "0,5", "0,25"]}
    check(read_table(written(tmp_path / "t.csv", columns, ";"), Wanted(4)))


def test_the_text_files_of_celeba_are_tables(tmp_path):
    path = tmp_path / "list_attr_celeba.txt"
    path.write_text("3\n5_o_Clock_Shadow Bald \n000001.jpg -1  1 \n000003.jpg  1 -1\n000002.jpg -1 -1\n")
    known = read_table(path, Wanted(2, files=["000002.jpg", "000003.jpg"]))
    assert known.space.names == ("5_o_Clock_Shadow", "Bald")
    assert known.space.values(known.factors.astype(int)).tolist() == [[-1, -1], [1, -1]]


def test_many_such_factors_get_few_cautions(tmp_path):
    values = {f"x{k}": np.random.default_rng(k).random(40).round(4) for k in range(9)}
    known = read_table(written(tmp_path / "t.csv", values), Wanted(40))
    assert [note[:11] for note in known.notes[1:4]] == [f"Factor 'x{k}'" for k in range(3)]
    assert known.notes[4:] == ("The same holds of 6 more factors.",)


def test_a_factor_of_which_most_values_stand_once_gets_a_caution(tmp_path):
    values = np.random.default_rng(0).random(100).round(4)
    known = read_table(written(tmp_path / "t.csv", {"x": values, "y": np.arange(100) % 5}), Wanted(100))
    assert len(known.notes) == 2
    assert known.notes[1].startswith("Factor 'x' has 100 values in 100 rows")
    assert "cannot be told apart from noise" in known.notes[1]


@pytest.mark.slow
def test_wide_tables_are_read_in_time_that_grows_with_their_columns(tmp_path):
    taken = {}
    for count in (1_000, 8_000):
        path = written(tmp_path / f"{count}.csv", {f"c{i}": [0, 1, 0, 1] for i in range(count)})
        start = time.process_time()
        assert len(read_table(path, Wanted(4)).space.names) == count
        taken[count] = time.process_time() - start
    assert taken[8_000] < 24 * taken[1_000]  # 64 times, were every column compared with every other


def test_a_long_text_that_stands_often_in_a_parquet_file_is_kept_once(tmp_path):
    import pyarrow as pa

    long = pa.DictionaryArray.from_arrays(np.arange(200_000) % 2, ["a" * 50_000, "b" * 50_000])
    path = parquet(tmp_path / "t.parquet", {"x": long})
    before = pa.total_allocated_bytes()
    known = read_table(path, Wanted(200_000))
    assert known.space.sizes == (2,)
    assert pa.default_memory_pool().max_memory() - before < 100 << 20


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
