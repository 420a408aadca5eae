"""What every metric does with what it is given: names, and means and variances in the place of codes."""

from __future__ import annotations

from functools import partial
from inspect import signature, unwrap
from typing import get_args

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics import (
    audit,
    dci_by_models,
    evaluate,
    gather,
    kl_decomposition,
    mig,
    mutual_information,
    neighbor_information,
)
from unbraid.metrics.evaluate import choose
from unbraid.metrics.information.nearest_neighbors import kraskov_information, ross_information
from unbraid.metrics.label_curves import draw_labels
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import scored_columns
from unbraid.metrics.score_table import nodes
from unbraid.metrics.soundness import soundness

FEW = {"train_votes": 60, "test_votes": 30, "batch": 8, "pairs": 4}
RNG = np.random.default_rng(0)
FACTORS = np.stack(np.unravel_index(np.arange(240) % 24, (2, 3, 4)), 1)
MEAN = FACTORS @ RNG.normal(size=(3, 3)) + RNG.normal(size=(240, 3))
VARIANCE = RNG.uniform(0.02, 0.1, size=MEAN.shape)
NAMES = ("shape", "scale", "x")
BY_VARIANCE = [entry for entry in metrics if "variance" in signature(entry.factory).parameters]


def few(entry) -> dict:
    return {option: value for option, value in FEW.items() if option in entry.options}


@pytest.mark.parametrize("entry", list(metrics), ids=lambda entry: entry.name)
def test_scores_by_factor_have_the_names_given(entry):
    named = entry.factory(MEAN, FACTORS, factor_names=NAMES, **few(entry))
    plain = entry.factory(MEAN, FACTORS, **few(entry))
    for (_, one), (_, other) in zip(nodes(dict(named)), nodes(dict(plain)), strict=True):
        assert one["score"] == other["score"]
        if "per_factor" in one:
            assert [*one["per_factor"]] == [*NAMES]
            assert [*other["per_factor"]] == ["0", "1", "2"]
            assert [*one["per_factor"].values()] == [*other["per_factor"].values()]


@pytest.mark.parametrize("entry", BY_VARIANCE, ids=lambda entry: entry.name)
def test_means_are_the_codes(entry):
    given = entry.factory(mean=MEAN, variance=VARIANCE, factors=FACTORS)
    assert given == entry.factory(MEAN, FACTORS, variance=VARIANCE)
    assert given == entry.factory(gather(MEAN, FACTORS, variance=VARIANCE))


@pytest.mark.parametrize("table", [partial(evaluate, intervals=0), partial(audit, quick=True)], ids=["evaluate", "audit"])
def test_tables_take_what_metrics_take(table):
    found = table(mean=MEAN, variance=VARIANCE, factors=FACTORS, factor_names=NAMES, metrics=["mig"])
    same = table(gather(MEAN, FACTORS, variance=VARIANCE, factor_names=NAMES), metrics=["mig"])
    assert dict(found) == dict(same)


def test_core_leaves_out_what_trains_many_models():
    downstream = {entry.name for entry in metrics if entry.details.get("downstream")}
    assert downstream
    assert set(choose("all")) == {entry.name for entry in metrics} == set(choose("core")) | downstream
    assert not set(choose("core")) & downstream


def test_printed_columns_stand_under_their_heads():
    """Names to the left, numbers to the right, and every column as wide as its widest cell."""
    samples = gather(MEAN, FACTORS, variance=VARIANCE, factor_names=NAMES)
    for table in (evaluate(samples, metrics=["mig", "modularity"], intervals=0), audit(samples, metrics=["mig", "modularity"])):
        lines = [line for line in str(table).splitlines() if "samples" not in line]
        head = next(line for line in lines if line.lstrip().startswith("metric"))
        rows = lines[lines.index(head) + 1 :]
        for name in ("score", "chance", "ceiling"):
            end = head.index(name) + len(name)
            assert all(row[end - 1].isdigit() and row[end : end + 1] in ("", " ") for row in rows), str(table)


@pytest.mark.parametrize("entry", list(metrics), ids=lambda entry: entry.name)
def test_lists_tensors_booleans_and_whole_floats_are_taken(entry):
    """As the same arrays; a factor of two values may be boolean."""
    torch = pytest.importorskip("torch")
    factors = np.stack([FACTORS[:, 0], FACTORS[:, 2]], 1)
    plain = entry.factory(MEAN, factors, **few(entry))
    assert entry.factory(MEAN.tolist(), factors.tolist(), **few(entry)) == plain
    assert entry.factory(torch.tensor(MEAN, requires_grad=True), torch.tensor(factors), **few(entry)) == plain
    assert entry.factory(MEAN, factors.astype(np.float64), **few(entry)) == plain
    booleans = entry.factory(MEAN, factors[:, :1] == 1, **few(entry))
    assert booleans == entry.factory(MEAN, factors[:, :1], **few(entry))


def test_tensors_of_half_precision_are_taken():
    torch = pytest.importorskip("torch")
    half = torch.tensor(MEAN, dtype=torch.bfloat16)
    same = gather(half, FACTORS, variance=torch.tensor(VARIANCE))
    np.testing.assert_array_equal(same.codes, half.double().numpy())
    assert same.variance is not None


@pytest.mark.parametrize(
    ("codes", "factors", "says"),
    [
        (MEAN, FACTORS + 0.5, r"factors\[0, 0\] is 0.5. Number the values .*np.unique.*continuous=\[name\]"),
        (MEAN, np.where(FACTORS == 1, np.nan, FACTORS), r"factors\[\d+, \d\] is nan"),
        (MEAN, np.where(FACTORS == 1, np.nan, FACTORS + 0.5), r"factors\[\d+, \d\] is nan; give finite numbers"),
        (MEAN, FACTORS.astype(str), "given <U.*np.unique"),
        (MEAN, np.stack([np.arange(240), FACTORS[:, 0]], 1), "'0' has 240 different values in 240 samples.*continuous="),
        (np.zeros((3, 500)), np.zeros((3, 500), int), "3 rows and 500 columns each. They look transposed"),
        (np.zeros((4, 240)), np.zeros((3, 240), int), "4 rows of codes but 3 rows of factors. Both look transposed"),
        (MEAN, np.zeros((240, 2), int), "No factor is left to score: factor '0' has a single value"),
        ([[1.0, 2.0], [3.0]], FACTORS[:2], "codes must be a table of numbers"),
    ],
    ids=[
        "fractions",
        "nan",
        "nan among fractions",
        "texts",
        "values",
        "both turned alike",
        "both turned, rows",
        "one value",
        "ragged",
    ],
)
def test_what_is_no_class_is_refused_with_what_to_do(codes, factors, says):
    with pytest.raises(UsageError, match=says):
        mig(codes, factors)


def test_factors_that_are_no_classes_can_be_left_out():
    factors = np.column_stack([np.arange(240), FACTORS[:, 0], np.full(240, 3)])
    samples = gather(MEAN, factors, factor_names=["row", "shape", "color"], only_classes=True)
    assert samples.factor_names == ("shape",)
    assert samples.left_out == {"row": "has 240 values in 240 samples", "color": "has a single value"}
    np.testing.assert_array_equal(samples.of_all_factors(np.array([[0.5]])), [[np.nan, 0.5, np.nan]])
    assert samples.rows(np.arange(6)).left_out == samples.left_out
    beside = gather(MEAN, np.column_stack([RNG.uniform(size=240), FACTORS[:, 0]]), factor_names=["x", "shape"])
    np.testing.assert_array_equal(beside.of_all_factors(np.array([[0.5], [0.1]])), [[np.nan, 0.5], [np.nan, 0.1]])  # of classes
    np.testing.assert_array_equal(beside.of_all_factors(np.array([[0.5, 0.1]])), [[0.1, 0.5]])


def test_columns_that_can_be_scored():
    factors = np.column_stack([np.arange(240), FACTORS[:, 0], np.full(240, 3), FACTORS[:, 2]])
    assert scored_columns(factors) == [1, 3]


@pytest.mark.parametrize("value", [2.0**62, -(2.0**62), 2.0**100])
def test_whole_numbers_that_no_integer_holds_are_no_classes(value):
    large = np.where(FACTORS[:, :1] == 1, 2.0**61, -(2.0**61))
    assert sorted({*gather(MEAN, large).factors[:, 0].tolist()}) == [-(2**61), 2**61]
    with pytest.raises(UsageError, match="factors must be whole numbers"):
        gather(MEAN, np.where(FACTORS[:, :1] == 1, value, 0.0))


@pytest.mark.parametrize("shape", [(40, 41), (300, 101)])
def test_tables_that_look_turned_say_so(shape):
    """More columns than rows, or more than a hundred."""
    factors = np.tile(np.arange(shape[0])[:, None], shape[1])
    codes = np.zeros((shape[0], shape[1] + 1))
    with pytest.raises(UsageError, match="If rows and columns are turned"):
        gather(codes, factors)
    with pytest.raises(UsageError, match="scores compare samples that share one") as said:
        gather(codes, factors[:, :40])
    assert "turned" not in str(said.value)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, np.nan])
def test_variances_are_finite_and_above_0(wrong):
    variance = VARIANCE.copy()
    variance[7, 1] = wrong
    with pytest.raises(UsageError, match=rf"variance\[7, 1\] is {wrong}"):
        gather(MEAN, FACTORS, variance=variance)


def test_huge_codes_are_scaled_by_powers_of_2_and_variances_by_their_squares():
    """Each latent by its own, to 2^200 at most; a variance that vanishes is a tiny one."""
    codes = np.array([[-(2.0**900), 1.0, 3.0], [2.0**800, 2.0, -(2.0**300)], [0.0, 1.0, 0.0], [1.0, 0.0, 2.0]])
    variance = np.full(codes.shape, 2.0**50)
    found = gather(codes, np.arange(4)[:, None] % 2, variance=variance)
    scale = [2.0**-701, 1, 2.0**-101]
    np.testing.assert_array_equal(found.codes, codes * scale)
    np.testing.assert_array_equal(found.variance, np.maximum(variance * np.square(scale), 2.0**-400))


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"], ["a", "b", "a"]])
def test_factors_have_a_name_each(names):
    with pytest.raises(UsageError, match="for 3 factors; each needs its own"):
        gather(MEAN, FACTORS, factor_names=names)


NAMED = [
    (entry, option, spec)
    for entry in metrics
    for option, spec in entry.options.items()
    if any(isinstance(choice, str) for choice in get_args(spec.type))
]


@pytest.mark.parametrize(("entry", "option", "spec"), NAMED, ids=[f"{entry.name}-{option}" for entry, option, _ in NAMED])
def test_a_wrong_name_is_told_all_that_are_right(entry, option, spec):
    allowed = ", ".join(get_args(spec.type))
    with pytest.raises(UsageError, match=f"{option} is 'nope'; allowed: {allowed}."):
        unwrap(entry.factory)(MEAN, FACTORS, **{option: "nope"})  # not refused by the type checks of tests alone


NUMBERS = [(entry, option, spec) for entry in metrics for option, spec in entry.options.items() if spec.type in (int, float)]


@pytest.mark.parametrize(("entry", "option", "spec"), NUMBERS, ids=[f"{entry.name}-{option}" for entry, option, _ in NUMBERS])
def test_numbers_are_what_options_say(entry, option, spec):
    for wrong in (np.nan, -2.5, *([2.5, True, "3"] if spec.type is int else [])):
        with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} of {entry.name} is .*; allowed: {spec.allowed}"):
            entry.factory(MEAN, FACTORS, **{option: wrong})


@pytest.mark.parametrize(
    ("function", "numbers"),
    [
        (neighbor_information, ("neighbors", "most", "seed")),
        (kraskov_information, ("neighbors", "seed")),
        (ross_information, ("neighbors", "seed")),
        (mutual_information, ("bins",)),
        (evaluate, ("seed", "intervals", "population", "nulls")),
        (audit, ("seed",)),
        (dci_by_models, ("seed",)),
        (partial(kl_decomposition, rng=RNG), ("samples",)),
        (draw_labels, ("draws", "seed")),
        (soundness, ("seeds",)),
    ],
)
def test_so_are_those_of_functions_that_are_no_metrics(function, numbers):
    arrays = () if function is soundness else (MEAN, VARIANCE)
    for name in numbers:
        with pytest.raises(UsageError, match=f"--{name} of .* is 2.5; allowed: a whole number"):
            function(*arrays, **{name: 2.5})


def test_whole_numbers_of_any_kind_are_taken():
    factors = FACTORS[:, :2]
    plain = mig(MEAN, factors, definition="locatello2019", bins=7)
    assert mig(MEAN, factors, definition="locatello2019", bins=np.int8(7)) == plain
    assert mig(MEAN, factors, definition="locatello2019", bins=7.0) == plain


def test_columns_of_a_data_frame_name_the_factors():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FACTORS, columns=list(NAMES))
    assert gather(pandas.DataFrame(MEAN), frame).names == NAMES
    assert gather(MEAN, frame, factor_names=["a", "b", "c"]).names == ("a", "b", "c")
    assert gather(MEAN, pandas.DataFrame(FACTORS)).names == ("0", "1", "2")


def test_masked_values_are_refused_and_not_scored():
    masked = np.ma.masked_greater(MEAN, 2.0)
    with pytest.raises(UsageError, match="codes has masked values.*leave these rows out"):
        gather(masked, FACTORS)
    with pytest.raises(UsageError, match="factors has masked values"):
        gather(MEAN, np.ma.masked_equal(FACTORS, 1))
    assert (gather(np.ma.masked_greater(MEAN, 1e9), FACTORS).codes == MEAN).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"factor_names": "abc"}, r"factor_names is 'abc'; give a list of names: \['abc'\]"),
        ({"continuous": "abc"}, r"continuous is 'abc'; give a list of names"),
        ({"cyclic": ["x"]}, r"cyclic is \['x'\]; give names with their periods"),
        ({"codes": "codes.npz"}, "codes is a str; give an array, a tensor or a data frame"),
    ],
)
def test_what_is_no_list_of_names_and_no_array_is_refused_in_words(given, words):
    with pytest.raises(UsageError, match=words):  # without the run-time types of the tests
        unwrap(gather)(**{"codes": MEAN, "factors": FACTORS} | given)
