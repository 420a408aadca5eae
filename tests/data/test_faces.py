import numpy as np
import pytest

from unbraid.config.experiment import Experiment
from unbraid.config.plan import plan
from unbraid.data.dataset import load_dataset
from unbraid.data.drawing import face_parts
from unbraid.data.drawing.face_parts import EYES, MOUTH, PIVOT, Canvas
from unbraid.data.sets.faces import SKIN, backgrounds, draw_codes, faces_space, paint
from unbraid.errors import UsageError

SIZE = 64
SPACE = faces_space()
BASE = dict.fromkeys(SPACE.names, 1) | {"hair_style": 0, "glasses": 0, "beard": 0, "tilt": 4, "gaze": 3}
"""A bald face without glasses or beard that looks straight ahead."""


def codes(**changed: int) -> np.ndarray:
    return np.array([[(BASE | changed)[name] for name in SPACE.names]])


def painted(rows: np.ndarray) -> np.ndarray:
    return paint(rows, SIZE).bytes(np.arange(len(rows))).astype(int)


def image_of_head(x: float, y: float, degrees: float) -> tuple[float, float]:
    """Pixels right and down of a point of the head, which turns clockwise about the pivot."""
    turn = np.radians(degrees)
    y -= PIVOT
    right, down = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn) + PIVOT
    return (right + 1) * SIZE / 2, (down + 1) * SIZE / 2


def centroid(mask: np.ndarray) -> tuple[float, float]:
    y, x = np.indices(mask.shape) + 0.5
    return (mask * x).sum() / mask.sum(), (mask * y).sum() / mask.sum()


@pytest.mark.parametrize("degrees", [-16.0, 0.0, 7.0])
@pytest.mark.parametrize("gaze", [-1.0, 0.0, 0.5])
def test_eyes_are_where_spacing_gaze_and_tilt_put_them(degrees, gaze):
    canvas, spacing, size = Canvas(SIZE, degrees), 0.21, 0.1
    whites = face_parts.eye_whites(canvas, spacing, size)
    assert whites.sum() == pytest.approx(2 * np.pi * 1.3 * size**2 * (SIZE / 2) ** 2, rel=0.03)
    pupils = face_parts.pupils(canvas, spacing, size, gaze)
    left_of_nose = canvas.head[0] < 0
    for side, half in ((-1, left_of_nose), (1, ~left_of_nose)):
        assert centroid(whites * half) == pytest.approx(image_of_head(side * spacing, EYES, degrees), abs=0.05)
        expected = image_of_head(side * spacing + gaze * 0.6 * size, EYES, degrees)
        assert centroid(pupils * half) == pytest.approx(expected, abs=0.2)


def test_a_head_that_tilts_turns_clockwise_and_keeps_its_area():
    upright, tilted = face_parts.head(Canvas(SIZE), "oval"), face_parts.head(Canvas(SIZE, 16.0), "oval")
    assert tilted.sum() == pytest.approx(upright.sum(), rel=0.002)
    assert centroid(tilted)[0] > centroid(upright)[0] + 3
    x, y = centroid(upright)
    turned = image_of_head(2 * x / SIZE - 1, 2 * y / SIZE - 1, 16.0)
    assert centroid(tilted) == pytest.approx(turned, abs=0.05)


@pytest.mark.parametrize("curve", [-0.12, 0.0, 0.16])
@pytest.mark.parametrize("width", [0.12, 0.24])
def test_a_mouth_has_its_curve_and_width(curve, width):
    canvas = Canvas(256)
    mask = face_parts.mouth_line(canvas, curve, width)
    columns = np.flatnonzero(mask.sum(0) > 0.5)
    assert 2 * (columns[-1] + 1 - columns[0]) / 256 == pytest.approx(2 * width, abs=0.03)
    down = (np.arange(256) + 0.5) @ mask / np.maximum(mask.sum(0), 1e-9)
    x = 2 * (columns + 0.5) / 256 - 1
    inner = np.abs(x) < 0.9 * width
    exact = MOUTH + curve * (0.5 - (x / width) ** 2)  # a smile's corners are higher than its middle
    assert 2 * down[columns][inner] / 256 - 1 == pytest.approx(exact[inner], abs=0.01)


BOXES = {
    "brows": (-0.4, 0.4, -0.4, -0.08),
    "eye_size": (-0.45, 0.45, -0.2, 0.14),
    "gaze": (-0.4, 0.4, -0.16, 0.1),
    "nose": (-0.2, 0.2, -0.05, 0.25),
    "mouth_curve": (-0.3, 0.3, 0.14, 0.48),
    "mouth_width": (-0.3, 0.3, 0.14, 0.48),
    "glasses": (-0.55, 0.55, -0.28, 0.2),
    "beard": (-0.65, 0.65, -0.05, 0.65),
    "head_shape": (-0.75, 0.75, -0.75, 0.75),
    "hair_style": (-0.85, 0.85, -1.0, 0.9),
    "tilt": (-1.0, 1.0, -1.0, 0.9),
}
"""Left, right, upper and lower end of what may change with a factor while the head is upright."""


@pytest.mark.parametrize("name", BOXES)
def test_a_factor_changes_its_part_alone(name):
    column = SPACE.column(name)
    rows = np.repeat(codes(), SPACE.sizes[column], axis=0)
    rows[:, column] = np.arange(SPACE.sizes[column])
    images = painted(rows)
    changed = (images != images[0]).any((0, 1))
    x, y = Canvas(SIZE).image
    left, right, top, bottom = BOXES[name]
    assert changed.any()
    assert not changed[(x < left) | (x > right) | (y < top) | (y > bottom)].any()


def at(image: np.ndarray, x: float, y: float) -> list[int]:
    return image[:, int((y + 1) * SIZE / 2), int((x + 1) * SIZE / 2)].tolist()


def test_colors_are_those_of_the_factors():
    for skin in range(len(SKIN)):
        image = painted(codes(skin=skin))[0]
        assert at(image, -0.1, -0.35) == SKIN[skin].tolist()
        assert at(image, 0.0, 0.95) == [84, 98, 122]
    for k, color in enumerate(backgrounds()):
        corner = np.array(at(painted(codes(background=k))[0], 0.97, -0.97))
        assert np.abs(corner - color).max() <= 5  # little light from behind the head reaches the corners
    black, blond = (painted(codes(hair_style=1, hair_color=color))[0] for color in (0, 3))
    assert at(black, 0, -0.5) == [44, 38, 42]
    assert at(blond, 0, -0.5) == [228, 190, 112]
    assert at(black, 0, 0.15) == at(blond, 0, 0.15)


def test_every_factor_shows_in_every_face():
    """Nothing hides another part so that its factor could not be read from the image."""
    rows = draw_codes(40)
    images = painted(rows)
    rng = np.random.default_rng(0)
    for column, size in enumerate(SPACE.sizes):
        others = rows.copy()
        others[:, column] = (others[:, column] + rng.integers(1, size, len(rows))) % size
        differences = np.abs(painted(others) - images).max((1, 2, 3))
        assert differences.min() >= 12, (SPACE.names[column], differences.argmin())


def test_factors_are_uniform_and_independent():
    drawn = draw_codes(50_000)
    for column, size in enumerate(SPACE.sizes):
        found = np.bincount(drawn[:, column], minlength=size)
        chi_square = ((found - 50_000 / size) ** 2 / (50_000 / size)).sum()
        assert chi_square < size - 1 + 5 * np.sqrt(2 * (size - 1))
    correlations = np.corrcoef(drawn.T) - np.eye(len(SPACE.names))
    assert np.abs(correlations).max() < 5 / np.sqrt(50_000)
    assert np.array_equal(draw_codes(100), drawn[:100])  # fewer are the first of many


@pytest.mark.parametrize("continuous", [None, "tilt"])
def test_combinations_that_training_never_shows_are_the_test_split(continuous):
    data = load_dataset("faces", images=400, size=16, unseen="glasses=0 beard=0..1", continuous=continuous)
    glasses, beard = (data.space.names.index(name) for name in ("glasses", "beard"))
    hidden = (data.factors[:, glasses] == 0) & (data.factors[:, beard] <= 1)
    assert 0 < hidden.sum() < 100
    np.testing.assert_array_equal(data.test, np.flatnonzero(hidden))


def test_runs_without_unseen_combinations_keep_their_names():
    """Configurations of before do not have the option, and a run is known by its configuration."""
    small = {"images": 100, "size": 16, "encoder": "mlp", "decoder": "mlp", "steps": 2}
    plain, _ = plan("vae", "faces", small)
    assert "unseen" not in plain.to_dict()["data_options"]
    assert Experiment.from_dict(plain.to_dict()).digest() == plain.digest()
    hidden, _ = plan("vae", "faces", {**small, "unseen": "glasses=0", "batch_size": 8})
    assert hidden.to_dict()["data_options"]["unseen"] == "glasses=0"


def test_what_is_known_about_it():
    dataset = load_dataset("faces", images=300, size=16, test_share=0.2)
    assert len(dataset.space.names) == 15
    assert (len(dataset), len(dataset.test), dataset.shape) == (300, 60, (3, 16, 16))
    assert np.array_equal(dataset.factors, draw_codes(300))
    rows = np.array([250, 3, 77])
    assert np.array_equal(dataset.images.bytes(rows)[1], dataset.images.bytes(rows[1:2])[0])
    more = load_dataset("faces", images=400, size=16)
    assert np.array_equal(more.images.bytes(rows), dataset.images.bytes(rows))


def test_a_face_is_the_same_at_every_size():
    rows = draw_codes(24)
    small, large = (paint(rows, size).bytes(np.arange(24)).astype(float) for size in (48, 96))
    halved = large.reshape(24, 3, 48, 2, 48, 2).mean((3, 5))
    assert np.abs(halved - small).mean() < 1.5
    assert (np.abs(halved - small) > 40).mean() < 0.005


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"images": 1}, "--images .* is 1; allowed: a whole number at least 2"),
        ({"size": 8}, "--size .* is 8; allowed: a whole number at least 16"),
    ],
)
def test_options_that_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        load_dataset("faces", **options)
