import sys
from collections import Counter

import numpy as np
import pytest

import unbraid
from unbraid.config import experiment as experiments
from unbraid.config.plan import plan
from unbraid.data.dataset import addressed, load_dataset
from unbraid.data.digest import digest_of
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.selection import Box, parse_box, parse_boxes
from unbraid.data.joint import Correlated, Function, Independent, Table, Without, first_rows, joint_text, parse_joint
from unbraid.errors import DataUnavailable, UnknownName, UsageError
from unbraid.trust import trusting


def space_with_a_line() -> FactorSpace:
    return FactorSpace(
        (
            Factor("shape", (0.0, 1.0, 2.0), kind="categorical", labels=("a", "b", "c")),
            Factor("x", (0.0, 1.0)).over(-1, 3),
            Factor("turn", (0.0, 1.0), kind="circular").over(0, 2 * np.pi),
        )
    )


def test_a_table_has_the_shares_that_it_says(small_space):
    rows = first_rows(parse_joint("shape=a size=0 3; shape=b,c size=1 1", small_space), 40_000)
    found = Counter(map(tuple, rows[:, :2].tolist()))
    expected = {(0, 0): 0.75, (1, 1): 0.125, (2, 1): 0.125}
    assert found.keys() == expected.keys()
    for cell, share in expected.items():
        assert abs(found[cell] / 40_000 - share) < 5 * np.sqrt(share * (1 - share) / 40_000)
    assert abs(rows[:, 2].mean() - 1.5) < 0.03  # angle, of which no row says anything


def test_intervals_of_a_table_are_uniform_by_their_length():
    space = space_with_a_line()
    rows = first_rows(parse_joint("x=-1..0,1..3 1", space), 30_000)
    x = rows[:, 1]
    assert not ((x > 0) & (x < 1)).any()
    assert abs((x < 0).mean() - 1 / 3) < 0.015
    assert set(rows[:, 0]) == {0, 1, 2}


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.6])
def test_correlated_factors_have_the_rank_correlation_of_the_normal_copula(rho):
    space = space_with_a_line()
    rows = first_rows(Correlated(space, ("x", "turn"), rho), 40_000)
    ranks = rows[:, 1:].argsort(0).argsort(0)
    assert abs(np.corrcoef(ranks.T)[0, 1] - 6 / np.pi * np.arcsin(rho / 2)) < 0.02
    for column, (low, high) in ((1, (-1, 3)), (2, (0, 2 * np.pi))):  # each is uniform
        counts = np.histogram(rows[:, column], bins=20, range=(low, high))[0]
        assert ((counts - 2000) ** 2 / 2000).sum() < 43.8  # chi-square with 19 degrees of freedom: 0.1 %


def test_correlated_codes_are_uniform(small_space):
    rows = first_rows(parse_joint("size, angle, 0.9", small_space), 40_000)
    assert abs(rows[:, 1].mean() - 0.5) < 0.015
    assert ((np.bincount(rows[:, 2], minlength=4) - 10_000) ** 2 / 10_000).sum() < 16.3
    assert np.corrcoef(rows[:, 1], rows[:, 2])[0, 1] > 0.6


def test_a_function_gives_columns_and_the_others_stay_uniform():
    space = space_with_a_line()

    def bent(n, rng):
        turn = rng.uniform(0, 2 * np.pi, n)
        return {"turn": turn, "x": 1 + np.sin(turn)}

    joint = Function(space, bent, "bent")
    rows = first_rows(joint, 3_000)
    assert np.allclose(rows[:, 1], 1 + np.sin(rows[:, 2]))
    assert set(rows[:, 0]) == {0, 1, 2}
    assert joint.description == "by the function bent"


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"x": [9.0] * 10}, "Row 0 has x = 9.0; allowed: -1 to 3"),
        ({"x": [np.nan] * 10}, "Row 0 has x = nan"),
        ({"shape": [0.5] * 10}, "shape that are no whole numbers"),
        ({"x": [1.0]}, r"x as float64 of shape \(1,\); give 10 numbers"),
        (np.zeros((10, 2)), "mine returned a ndarray; give columns by the names of factors: shape, x, turn"),
        (None, "mine returned a NoneType; give columns"),
    ],
)
def test_functions_that_are_refused(column, says):
    with pytest.raises(UsageError, match=says):
        Function(space_with_a_line(), lambda n, rng: column, "mine").sample(10, np.random.default_rng(0))


def test_an_error_in_a_function_is_told_as_its_own(small_space):
    def mine(n, rng):
        return {"size": np.arange(n) + 1 // 0}

    with pytest.raises(UsageError, match=r"mine\(10, rng\) raised ZeroDivisionError: "):
        Function(small_space, mine, "mine").sample(10, np.random.default_rng(0))


def test_codes_that_are_far_too_large_are_refused_as_they_are(small_space):
    with pytest.raises(UsageError, match=r"Row 0 has size = 1e\+30; allowed: 0 to"):
        Function(small_space, lambda n, rng: {"size": np.full(n, 1e30)}, "mine").sample(10, np.random.default_rng(0))


def test_holes_never_occur_and_the_rest_keeps_its_proportions(small_space):
    holes = parse_boxes("shape=a size=0; shape=b angle=1..2", small_space, "--holes")
    rows = first_rows(Without(Independent(small_space), holes, small_space), 40_000)
    index = np.bincount(small_space.index(rows), minlength=24)
    shape, size, angle = small_space.at(np.arange(24)).T
    hole = ((shape == 0) & (size == 0)) | ((shape == 1) & np.isin(angle, [1, 2]))
    assert not index[hole].any()
    expected = 40_000 / (~hole).sum()
    assert ((index[~hole] - expected) ** 2 / expected).sum() < 37.7  # 15 degrees of freedom: 0.1 %


def test_holes_of_continuous_factors_are_intervals():
    space = space_with_a_line()
    hole = parse_box("shape=b x=0..1", space, "--holes")
    rows = first_rows(Without(Independent(space), (hole,), space), 5_000)
    inside = (rows[:, 0] == 1) & (rows[:, 1] >= 0) & (rows[:, 1] <= 1)
    assert not inside.any()
    assert np.array_equal(hole.holds(np.array([[1, 0.5, 0.0], [1, 2.0, 0.0], [0, 0.5, 0.0]]), space), [True, False, False])


def test_fewer_rows_are_the_first_of_many(small_space):
    joint = Without(parse_joint("size,angle,0.5", small_space), (Box({"shape": [1]}),), small_space)
    assert np.array_equal(first_rows(joint, 100), first_rows(joint, 9_000)[:100])


def test_holes_that_leave_nothing_are_refused(small_space):
    with pytest.raises(UsageError, match="0 are outside the holes"):
        first_rows(Without(Independent(small_space), (Box({"size": [0, 1]}),), small_space), 10)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("x", UsageError, "give a table FILE.csv"),
        ("x,turn,a", UsageError, "two factors and their correlation"),
        ("x,turn,1", UsageError, "A correlation of 1; allowed: above -1 and below 1"),
        ("x,x,0.5", UsageError, "are the same"),
        ("shape,x,0.5", UsageError, "'shape' has no order"),
        ("x,y,0.5", UnknownName, "Unknown factor 'y'"),
        ("x=0..1", UsageError, "must end with how likely it is"),
        ("x=0..1 -1", UsageError, "must end with how likely it is"),
        ("x=0..1 0", UsageError, "sum to 0; allowed"),
        ("x=0 1", UsageError, "x=0 is no interval of a continuous factor"),
        ("x=1..0 1", UsageError, r"give two numbers LOW\.\.HIGH, the lower first, from -1 to 3"),
        ("x=0..9 1", UsageError, "from -1 to 3"),
        ("x=0..nan 1", UsageError, "is no interval"),
        ("x=0..2,1..3 1", UsageError, "intervals of x overlap"),
        ("shape=z 1", UsageError, "shape has no value 'z'"),
    ],
)
def test_texts_that_are_refused(text, error, says):
    with pytest.raises(error, match=says):
        parse_joint(text, space_with_a_line())


def test_a_file_of_a_table_becomes_its_text(tmp_path):
    path = tmp_path / "joint.csv"
    path.write_text("x,probability,shape\n0..7,0.75,heart\n8..15,.25,\n", encoding="utf-8")
    assert joint_text(str(path)) == "x=0..7 shape=heart 0.75; x=8..15 .25"
    _, options = addressed("shapes", {"joint": str(path)})
    assert options == {"joint": "x=0..7 shape=heart 0.75; x=8..15 .25"}
    table = parse_joint(joint_text(str(path)).replace("shape=heart", ""), FactorSpace((Factor("x", tuple(range(16))),)))
    assert isinstance(table, Table)
    assert table.weights == (0.75, 0.25)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has columns none"),
        ("x,y\n1,2\n", "one column probability or weight"),
        ("probability\n1\n", "one column probability or weight"),
        ("x,weight\n", "1 to 2,000 rows"),
        ("x,weight\n1\n", r"line 2: '1'; give 2 values"),
        ("x,weight\n1 2,3\n", "without spaces"),
        ("x,weight\n,3\n", "line 2 names no value"),
        ("x,weight\n" + "1,1\n" * 2_001, "1 to 2,000 rows"),
    ],
)
def test_files_that_are_no_table_of_a_distribution(tmp_path, content, says):
    path = tmp_path / "joint.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        joint_text(str(path))


def test_a_file_that_is_not_there():
    with pytest.raises(DataUnavailable, match="there is no such file"):
        joint_text("nowhere.csv")


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """A module with functions, which nothing has imported."""
    (tmp_path / "my_scenes.py").write_text(
        "def equal(n, rng):\n    x = rng.integers(0, 16, n)\n    return {'x': x, 'y': x}\n"
        "def other(command):\n    raise SystemExit\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_scenes"
    sys.modules.pop("my_scenes", None)


def test_a_function_of_a_module_is_imported_only_where_it_is_trusted(scenes):
    with pytest.raises(UsageError, match="my_scenes is not imported. Importing it runs its code"):
        load_dataset("ellipses", joint="my_scenes:equal", images=50)
    assert "my_scenes" not in sys.modules
    with trusting():
        data = load_dataset("ellipses", joint="my_scenes:equal", images=50)
    assert np.array_equal(data.factors[:, 0], data.factors[:, 1])
    assert data.notes == ("The factors of each image were drawn by a fixed seed: by the function my_scenes:equal.",)
    with pytest.raises(UsageError, match="must be a function of n and rng"):
        load_dataset("ellipses", joint="my_scenes:other", images=50)
    with pytest.raises(UsageError, match="no class or function 'none'"):
        load_dataset("ellipses", joint="my_scenes:none", images=50)


def test_a_run_whose_factors_a_function_draws_loads_where_it_is_trusted(scenes, tmp_path):
    options = {"joint": "my_scenes:equal", "images": 60, "steps": 2, "batch_size": 10, "device": "cpu", "progress": False}
    unbraid.train("vae", "ellipses", out=tmp_path / "run", **options)
    trained = load_dataset("ellipses", joint="my_scenes:equal", images=60)
    sys.modules.pop("my_scenes")  # as in a process that does not know it
    experiments._kept.cache_clear()
    with pytest.raises(UsageError, match="unbraid.load\\(RUN, trust=True\\); on the command line --trust"):
        unbraid.evaluate(tmp_path / "run", metrics=["mig"])
    unbraid.load(tmp_path / "run")  # needs no data
    assert "my_scenes" not in sys.modules
    model = unbraid.load(tmp_path / "run", trust=True)
    assert np.array_equal(model.matching_data().factors, trained.factors)
    assert set(model.evaluate(metrics=["mig"]).scores["mig"]["per_factor"]) <= {"x", "y", "scale", "orientation"}


def test_a_run_holds_the_digest_of_what_a_function_drew(scenes):
    options = {"joint": "my_scenes:equal", "images": 50, "batch_size": 10}
    experiment, data = plan("vae", "ellipses", options)  # whoever plans a run asks for the module
    assert experiment.data_digest == digest_of(data)
    assert plan("vae", "ellipses", {**options, "joint": "x,y,0.5"})[0].data_digest == ""
