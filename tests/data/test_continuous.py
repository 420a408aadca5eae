"""Factor spaces and drawn sets with continuous factors."""

import colorsys
import json
from dataclasses import replace

import numpy as np
import pytest

import unbraid
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.digest import digest_of
from unbraid.data.drawing.outlines import centers
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.drawn import Drawing, drawn
from unbraid.data.inspection import facts_of
from unbraid.data.joint import Function
from unbraid.data.sets.ellipses import drawn_ellipses, ellipses_space
from unbraid.data.sets.faces import draw_codes, drawn_faces, faces_space, paint
from unbraid.data.sets.rooms import SOLIDS, drawn_rooms, rooms_space
from unbraid.data.sets.shapes import drawn_shapes, shapes_space
from unbraid.data.storage import ByteImages
from unbraid.errors import UnknownName, UsageError

SPACE = FactorSpace(
    (
        Factor("kind", (0.0, 1.0, 2.0), kind="categorical", labels=("a", "b", "c")),
        Factor("x", (0.0, 0.5, 1.0), unit="m").over(-1, 3),
        Factor("turn", (0.0, 1.0), kind="circular").over(0, 2 * np.pi),
    )
)


def test_a_space_with_a_continuous_factor_is_no_grid():
    assert SPACE.continuous == ("x", "turn")
    assert SPACE.sizes == (3, 0, 0)
    assert not SPACE.is_grid
    assert SPACE
    some = np.array([[0, 0, 1]])
    for use in (
        lambda: len(SPACE),
        lambda: SPACE.index(some),
        lambda: SPACE.at(np.array([0])),
        lambda: SPACE.rows(kind=0),
        lambda: SPACE.subgrid(kind=[0]),
        lambda: SPACE.traverse([0, 0, 0], "kind"),
    ):
        with pytest.raises(UsageError, match="needs a grid, and x, turn of kind, x, turn are continuous"):
            use()


def test_values_of_continuous_factors_stand_for_themselves():
    assert SPACE.values(np.array([[2.0, -0.25, 6.0]])).tolist() == [[2.0, -0.25, 6.0]]
    assert SPACE.factors[1].in_words(0.25) == "x 0.25 m"
    assert [factor.extent for factor in SPACE.factors] == ["3", "-1 to 3", "0 to 6.283"]


def test_samples_are_uniform_over_the_range():
    rows = SPACE.sample(20_000, rng=np.random.default_rng(0), kind=1)
    assert set(rows[:, 0]) == {1.0}
    counts = np.histogram(rows[:, 1], bins=20, range=(-1, 3))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square with 19 degrees of freedom: 0.1 %
    assert abs(np.corrcoef(rows[:, 1:].T)[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([0.0, 4.0, 0.0], "Row 0 has x = 4.0; allowed: -1 to 3"),
        ([0.5, 0.0, 0.0], "Row 0 has kind = 0.5; allowed: 0 to 2, whole numbers"),
        ([0.0, np.nan, 0.0], "Row 0 has x = nan"),
    ],
)
def test_rows_that_are_refused(row, says):
    with pytest.raises(UsageError, match=says):
        SPACE.checked(np.array([row]))


@pytest.mark.parametrize(("values", "kind"), [((0.0,), "ordinal"), ((1.0, 0.0), "ordinal"), ((0.0, 1.0), "categorical")])
def test_continuous_factors_that_are_refused(values, kind):
    with pytest.raises(UsageError, match="give the two finite ends of its range"):
        Factor("x", values, kind=kind, continuous=True)


def made(values: np.ndarray, space: FactorSpace = SPACE) -> Dataset:
    return Dataset("toy", ByteImages(np.arange(len(values), dtype=np.uint8).reshape(-1, 1, 1, 1)), np.array([0]), space, values)


def test_codes_are_floats_exactly_where_a_factor_is_continuous():
    rows = SPACE.sample(6, rng=np.random.default_rng(0))
    assert made(rows).has_classes
    with pytest.raises(UsageError, match="codes of type int64; give float64, since x, turn are continuous"):
        made(rows.astype(np.int64))
    grid = FactorSpace((Factor("a", (0.0, 1.0)),))
    with pytest.raises(UsageError, match="codes of type float64; give integers"):
        made(np.zeros((6, 1)), grid)
    assert not made(rows[:, 1:], FactorSpace(SPACE.factors[1:])).has_classes


def test_the_digest_tells_values_and_continuous_factors_apart():
    rows = SPACE.sample(6, rng=np.random.default_rng(0))
    moved = rows.copy()
    moved[5, 1] += 1e-9
    whole = FactorSpace((SPACE.factors[0], replace(SPACE.factors[1], continuous=False, values=(-1.0, 3.0)), SPACE.factors[2]))
    at_ends = rows.copy()
    at_ends[:, 1] = 0.0
    found = {digest_of(made(rows)), digest_of(made(moved)), digest_of(made(at_ends)), digest_of(made(at_ends, whole))}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("drawing", "space"), [(drawn_ellipses(32, "half"), ellipses_space()), (drawn_shapes("all", 28, True), shapes_space("all"))]
)
def test_an_image_is_that_of_the_grid_where_its_values_are_on_it(drawing, space):
    grid = load_dataset("ellipses") if "shape" not in space.names else load_dataset("shapes", shape="all")
    rows = np.random.default_rng(0).choice(len(space), 40, replace=False)
    images = drawing.draw(space.values(space.at(rows)))
    assert np.array_equal(images.bytes(np.arange(40)), grid.images.bytes(rows))


def test_drawn_shapes_are_where_and_as_large_as_their_values_say():
    data = load_dataset("shapes", shape="square", size=64, continuous="x,y,scale", images=60)
    images = data.images.floats(np.arange(60))[:, 0].astype(np.float64)
    x, y, scale, _ = data.space.values(data.factors).T
    mass = images.sum((1, 2))
    middle = np.arange(64) + 0.5
    for sums, positions in ((images.sum(1), x), (images.sum(2), y)):
        off = (sums @ middle) / mass - centers(positions, 64)
        assert np.abs(off).max() < 0.13  # samples are a quarter of a pixel apart
        assert abs(off.mean()) < 0.01
    assert np.allclose(mass, (2 * 0.175 * 64 * scale) ** 2, rtol=0.05)


def test_holes_joint_and_unseen_go_along_with_continuous_factors():
    data = load_dataset(
        "ellipses", continuous="x,y", images=2_000, joint="x,y,0.9", holes="x=0.4..0.6 scale=0..1", unseen="y=0.8..1 scale=5"
    )
    x, y, scale, orientation = data.factors.T
    assert data.factors.dtype == np.float64
    assert not ((x >= 0.4) & (x <= 0.6) & (scale <= 1)).any()
    assert np.corrcoef(x, y)[0, 1] > 0.8
    assert np.array_equal(data.is_test, (y >= 0.8) & (scale == 5))
    assert set(orientation) == set(range(40))
    assert [note.split(":")[0] for note in data.notes] == [
        "The factors of each image were drawn by a fixed seed",
        "These combinations never occur",
        "Continuous factors",
    ]
    assert "x (0 to 1), y (0 to 1), scale (6)" in repr(data)
    assert any(fact.found == "none, since x, y are continuous" for fact in facts_of(data))
    fewer = load_dataset("ellipses", continuous="x,y", images=100, joint="x,y,0.9", holes="x=0.4..0.6 scale=0..1")
    assert np.array_equal(fewer.factors, data.factors[:100])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"continuous": "x,z"}, UnknownName, "'z' in --continuous"),
        ({"continuous": "x", "only": "scale=1"}, UsageError, "--continuous and --only scale=1 contradict"),
        ({"continuous": "x", "order": "one_factor"}, UsageError, "--continuous and --order one_factor contradict"),
        ({"continuous": "x", "color": "factor"}, UsageError, "--continuous and --color factor contradict"),
        ({"continuous": "x", "unseen": "x=0..1"}, UsageError, "--unseen 'x=0..1' matches all of the 10 images"),
        ({"continuous": "x", "holes": "x=3"}, UsageError, "x=3 is no interval of a continuous factor"),
    ],
)
def test_options_that_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        load_dataset("ellipses", images=10, **options)


def test_a_set_of_ones_own_takes_a_function():
    drawing = Drawing(
        FactorSpace((Factor("level", (0.0, 1.0)), Factor("other", (0.0, 1.0)))),
        {"level": (0.0, 1.0)},
        lambda values: ByteImages(np.rint(255 * values[:, 0]).astype(np.uint8).reshape(-1, 1, 1, 1)),
    )
    space = drawing.continuous("level")
    joint = Function(space, lambda n, rng: {"level": rng.beta(2, 2, n)}, "beta")
    data = drawn("mine", drawing, continuous="level", joint=joint, images=3_000)
    assert np.array_equal(data.images.bytes(np.arange(3_000))[:, 0, 0, 0], np.rint(255 * data.factors[:, 0]))
    assert abs(data.factors[:, 0].var() - 1 / 20) < 0.005
    assert "by the function beta" in data.notes[0]


def test_a_room_is_that_of_the_grid_where_its_values_are_on_it(monkeypatch):
    coarse = FactorSpace(
        tuple(f.select([0, f.size - 1]) if f.name in ("scale", "orientation", "shape") else f for f in rooms_space().factors)
    )
    monkeypatch.setattr("unbraid.data.sets.rooms.rooms_space", lambda cameras=1, lamps=1: coarse)
    monkeypatch.setattr("unbraid.data.sets.rooms.SOLIDS", {name: SOLIDS[name] for name in ("sphere", "capsule")})
    grid = load_dataset("rooms", size=16)
    rows = np.random.default_rng(0).choice(len(coarse), 30, replace=False)
    values = coarse.values(coarse.at(rows))
    values[:, coarse.column("shape")] = coarse.at(rows)[:, coarse.column("shape")]
    images = drawn_rooms(16, 1, 1).draw(values)
    assert np.array_equal(images.bytes(np.arange(30)), grid.images.bytes(rows))


def test_rooms_with_continuous_hues_have_these_hues():
    data = load_dataset("rooms", size=16, continuous="all", cameras=2, images=20)
    assert data.space.continuous == ("floor_hue", "wall_hue", "object_hue", "scale", "orientation", "camera_height")
    images = data.images.floats(np.arange(20)).astype(np.float64)
    floor = images[:, :, -1, 8]  # in front of the object
    hues = [colorsys.rgb_to_hsv(*color)[0] for color in floor]
    off = (np.array(hues) - data.factors[:, 0] + 0.5) % 1 - 0.5
    assert np.abs(off).max() < 0.02


def test_a_face_is_that_of_its_codes_where_its_values_are_theirs():
    space, codes = faces_space(), draw_codes(12)
    images = drawn_faces(32).draw(space.values(codes))
    assert np.array_equal(images.bytes(np.arange(12)), paint(codes, 32).bytes(np.arange(12)))


def test_faces_with_continuous_and_dependent_factors():
    data = load_dataset("faces", images=40, size=16, continuous="gaze,tilt", joint="gaze,tilt,0.95", holes="glasses=none")
    assert data.space.continuous == ("gaze", "tilt")
    assert data.factors[:, data.space.column("glasses")].min() == 1
    gaze, tilt = (data.factors[:, data.space.column(name)] for name in ("gaze", "tilt"))
    assert np.corrcoef(gaze, tilt)[0, 1] > 0.8
    assert len(np.unique(tilt)) == 40
    assert len(data.images) == 40


def test_a_trained_run_scores_continuous_factors_too(tmp_path):
    run, options = tmp_path / "run", {"steps": 4, "batch_size": 16, "device": "cpu", "progress": False}
    unbraid.train("beta_vae", "shapes", shape="all", continuous="x,y", images=120, out=run, **options)
    table = unbraid.evaluate(run, metrics=["mig", "irs"])
    assert list(table.scores["mig"]["per_factor"]) == ["shape", "x", "y", "scale", "rotation"]
    assert "irs compare samples that share a value: they leave out x, y. " in table.doubts[0]
    unbraid.report(run)
    assert "Continuous factors: x, y." in (run / "report.html").read_text(encoding="utf-8")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["data_options"]["continuous"] == "x,y"


def test_runs_on_continuous_factors_alone_have_the_metrics_that_read_them(tmp_path):
    run, options = tmp_path / "run", {"steps": 2, "batch_size": 16, "device": "cpu", "progress": False}
    unbraid.train("beta_vae", "ellipses", continuous="all", images=64, out=run, **options)
    found = unbraid.evaluate(run)
    assert "mig" in found.metrics
    assert "irs" not in found.metrics
    assert any("irs" in doubt for doubt in found.doubts)
    with pytest.raises(UsageError, match="IRS compares samples that share a value of a factor"):
        unbraid.evaluate(run, metrics=["irs"])
