"""Rays against projections: where corners, outlines and shadows of solids fall, from points on them and a camera matrix."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from unbraid.data.drawing.ray_casting import (
    AIM,
    AMBIENT,
    DISTANCE,
    FLOOR,
    GLOSS,
    LAMP_DISTANCE,
    LAMP_HEIGHT,
    ROOM,
    SAMPLES,
    SHARPNESS,
    SOLID,
    VIEW,
    WALL,
    Camera,
    EmptyRoom,
)
from unbraid.data.drawing.solids import Solid, capsule, cone, cube, cylinder, sphere
from unbraid.data.sets.rooms import SOLIDS

SIZE = 32
CLOSE = 0.03
"""Pixels from an outline within which a sample may be on either side: curved outlines are given by many points."""
CIRCLE = np.linspace(0, 2 * np.pi, 360, endpoint=False)
VIEWS = [(0.0, 3.0, -40.0), (-44.0, 2.0, 60.0), (20.0, 4.0, 0.0)]


def made(name: str) -> Solid:
    """The solid of the rooms, made anew."""
    match name:
        case "sphere":
            return sphere(1.0)
        case "cube":
            return cube(1.6)
        case "cylinder":
            return cylinder(0.8, 1.7)
        case "cone":
            return cone(1.0, 2.1)
    return capsule(0.65, 2.2)


def ring(radius: float, height: float) -> np.ndarray:
    return np.stack([radius * np.cos(CIRCLE), radius * np.sin(CIRCLE), np.full_like(CIRCLE, height)], axis=1)


def ball(radius: float, height: float) -> np.ndarray:
    return np.concatenate(
        [ring(radius * np.cos(a), height + radius * np.sin(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 91)]
    )


def corners(side: float) -> np.ndarray:
    return side * np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)])


POINTS = {
    "sphere": ball(1.0, 1.0),
    "cube": corners(1.6),
    "cylinder": np.concatenate([ring(0.8, 0), ring(0.8, 1.7)]),
    "cone": np.concatenate([ring(1.0, 0), [[0, 0, 2.1]]]),
    "capsule": np.concatenate([ball(0.65, 0.65), ball(0.65, 1.55)]),
}
"""Points whose convex hull is the solid, written down anew."""


def camera_matrix(degrees: float, height: float) -> np.ndarray:
    """Homogeneous matrix from the room to pixels: translation, turn about the vertical, tilt, then perspective."""
    turn, tilt = np.radians(degrees), np.arctan2(AIM - height, DISTANCE)
    move = np.eye(4)
    move[:3, 3] = [-DISTANCE * np.sin(turn), DISTANCE * np.cos(turn), -height]
    about = np.array([[np.cos(turn), np.sin(turn), 0, 0], [-np.sin(turn), np.cos(turn), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    ahead_up = np.array([[1, 0, 0, 0], [0, np.cos(tilt), np.sin(tilt), 0], [0, -np.sin(tilt), np.cos(tilt), 0], [0, 0, 0, 1]])
    focal = SIZE / 2 / np.tan(VIEW / 2)
    perspective = np.array([[focal, SIZE / 2, 0, 0], [0, SIZE / 2, -focal, 0], [0, 1, 0, 0]])
    return perspective @ ahead_up @ about @ move


def projected(points: np.ndarray, view: tuple[float, float, float]) -> np.ndarray:
    """Pixels right and down of points in the room."""
    seen = np.column_stack([points, np.ones(len(points))]) @ camera_matrix(*view[:2]).T
    assert (seen[:, 2] > 0).all()
    return seen[:, :2] / seen[:, 2:]


def places() -> np.ndarray:
    centers = (np.arange(SIZE * SAMPLES) + 0.5) / SAMPLES
    return np.stack([np.tile(centers, len(centers)), np.repeat(centers, len(centers))], axis=1)


def outside(points: np.ndarray) -> np.ndarray:
    """Pixels by which each sample is outside the convex hull of points in the image; below 0 inside."""
    return (places() @ (hull := ConvexHull(points).equations)[:, :2].T + hull[:, 2]).max(1)


def thrown(points: np.ndarray, view: tuple[float, float, float], axis: int, plane: float) -> np.ndarray:
    """Where the lamp throws the shadows of points on a plane across an axis."""
    lamp = the_lamp(view)
    reach = (plane - lamp[axis]) / (points[:, axis] - lamp[axis])
    assert (reach > 0).all()
    return lamp + (points - lamp) * reach[:, None]


def the_lamp(view: tuple[float, float, float]) -> np.ndarray:
    turn = np.radians(view[2])
    return np.array([LAMP_DISTANCE * np.sin(turn), -LAMP_DISTANCE * np.cos(turn), LAMP_HEIGHT])


def empty(view: tuple[float, float, float]) -> EmptyRoom:
    return EmptyRoom(Camera(np.radians(view[0]), view[1]), np.radians(view[2]), SIZE)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_a_solid_covers_the_hull_of_its_projected_points(name, scale, view):
    off = outside(projected(scale * POINTS[name], view))
    clear = np.abs(off) > CLOSE
    seen = empty(view).with_solid(made(name), scale).part == SOLID
    assert np.array_equal(seen[clear], (off < 0)[clear])
    assert 0.01 < seen.mean() < 0.3


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", SOLIDS)
def test_its_shadow_covers_the_hull_of_points_thrown_on_the_floor(name, view):
    samples = empty(view).with_solid(made(name), 0.8)
    off = outside(projected(thrown(0.8 * POINTS[name], view, 2, 0.0), view))
    floor = (samples.part == FLOOR) & (np.abs(off) > CLOSE)
    assert np.array_equal(samples.shadow[floor], (off < 0)[floor])
    assert samples.shadow[floor].any()
    assert not samples.shadow[samples.part == SOLID].any()


def test_a_shadow_bends_where_the_wall_begins():
    view, reached = (-40.0, 3.0, -10.0), 0
    wall = projected(np.array([[x, ROOM, z] for x in (-ROOM, ROOM) for z in (0.0, 6.0)]), view)
    for name in ("cylinder", "capsule"):
        samples = empty(view).with_solid(made(name), 1.0)
        off = outside(projected(thrown(POINTS[name], view, 1, ROOM), view))
        back = (samples.part == WALL) & (outside(wall) < -CLOSE) & (np.abs(off) > CLOSE)
        assert np.array_equal(samples.shadow[back], (off < 0)[back])
        reached += samples.shadow[back].sum()
    assert reached > 200


@pytest.mark.parametrize("view", VIEWS)
def test_the_floor_ends_where_the_corners_of_the_room_are_projected(view):
    part = empty(view).with_solid(made("sphere"), 0.01).part
    eye = np.array([DISTANCE * np.sin(np.radians(view[0])), -DISTANCE * np.cos(np.radians(view[0]))])
    beyond_a_wall, close = np.zeros((2, len(part)), dtype=bool)
    for outward in np.array([[0, 1], [0, -1], [1, 0], [-1, 0]]):
        if outward @ eye < ROOM:  # seen from inside
            along = outward[::-1]
            ends = ROOM * np.array([[*(outward - along), 0], [*(outward + along), 0], [0, 0, 0]])
            start, end, middle = projected(ends, view)
            across = np.array([start[1] - end[1], end[0] - start[0]]) / np.linalg.norm(end - start)
            side = (places() - start) @ across * -np.sign((middle - start) @ across)
            beyond_a_wall |= side > 0
            close |= np.abs(side) < CLOSE
    clear = ~close & (part != SOLID)
    assert np.array_equal((part == WALL)[clear], beyond_a_wall[clear])
    assert 0.2 < beyond_a_wall.mean() < 0.7


def sample_at(point: np.ndarray, view: tuple[float, float, float]) -> int:
    column, row = np.floor(projected(point[None], view)[0] * SAMPLES).astype(int)
    return row * SIZE * SAMPLES + column


def test_brightness_follows_lamberts_law():
    view, sphere = (10.0, 3.0, -40.0), made("sphere")
    samples, lamp = empty(view).with_solid(sphere, 1.0), the_lamp(view)
    center = np.array([0, 0, 1.0])
    cases = [
        (np.array([-1.5, -0.9, 0]), np.array([0, 0, 1.0]), FLOOR),
        (np.array([-1.0, ROOM, 2.0]), np.array([0, -1.0, 0]), WALL),
    ]
    cases += [(center + n, n, SOLID) for n in np.array([[0.6, -0.64, 0.48], [-0.36, -0.8, 0.48], [0, -0.8, -0.6]])]
    for point, normal, part in cases:
        cosine = max(0.0, normal @ (lamp - point) / np.linalg.norm(lamp - point))
        at = sample_at(point, view)
        assert samples.part[at] == part
        reflected = 1 - GLOSS if part == SOLID else 1.0
        assert samples.shade[at] == pytest.approx(reflected * (AMBIENT + (1 - AMBIENT) * cosine), abs=0.015)


def test_the_lamp_is_reflected_where_the_normal_halves_the_angle():
    view = (0.0, 3.0, -40.0)
    samples, lamp = empty(view).with_solid(made("sphere"), 1.0), the_lamp(view)
    eye = np.array([0, -DISTANCE, 3.0])
    away = lambda point, to: (to - point) / np.linalg.norm(to - point)  # noqa: E731
    center, normal = np.array([0, 0, 1.0]), np.array([0, 0, 1.0])
    for _ in range(50):
        normal = away(center + normal, lamp) + away(center + normal, eye)
        normal /= np.linalg.norm(normal)
    assert samples.gloss[sample_at(center + normal, view)] == pytest.approx(GLOSS, rel=0.02)
    assert samples.gloss.max() <= GLOSS
    aside = np.array([0.3, -0.8, np.sqrt(1 - 0.73)])
    half = away(center + aside, lamp) + away(center + aside, eye)
    expected = GLOSS * (aside @ half / np.linalg.norm(half)) ** SHARPNESS
    assert samples.gloss[sample_at(center + aside, view)] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_fills_its_height_and_radius(name):
    solid = made(name)
    assert (solid.height, solid.radius) == (SOLIDS[name].height, SOLIDS[name].radius)
    assert POINTS[name][:, 2].min() == pytest.approx(0, abs=1e-9)
    assert POINTS[name][:, 2].max() == pytest.approx(solid.height)
    assert np.hypot(*POINTS[name][:, :2].T).max() == pytest.approx(solid.radius)


def test_a_ray_straight_down_ends_on_a_lid():
    origin, down = np.array([[0.2, 0.9], [0.1, 0.0], [5.0, 5.0]]), np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, -1.0]])
    start, end = cylinder(0.8, 1.7).inside(origin, down)
    assert (start[0], end[0]) == pytest.approx((3.3, 5.0))
    assert start[1] > end[1]


def test_normals_of_a_large_ball_have_length_one():
    assert sphere(2.0).outward(np.array([[2.0], [0.0], [2.0]])).tolist() == [[1.0], [0.0], [0.0]]


def beyond(name: str, points: np.ndarray) -> np.ndarray:
    """0 on the surface of a solid, above outside, below inside, written down anew; points are (3, n)."""
    x, y, z = points
    out = np.hypot(x, y)
    match name:
        case "sphere":
            return np.sqrt(out**2 + (z - 1) ** 2) - 1
        case "cube":
            return np.max([np.abs(x) - 0.8, np.abs(y) - 0.8, z - 1.6, -z], axis=0)
        case "cylinder":
            return np.max([out - 0.8, z - 1.7, -z], axis=0)
        case "cone":
            return np.maximum(out - (1 - z / 2.1), -z)
        case "capsule":
            return np.sqrt(out**2 + (z - np.clip(z, 0.65, 1.55)) ** 2) - 0.65
    raise AssertionError(name)


@pytest.mark.parametrize("name", SOLIDS)
def test_rays_enter_and_leave_at_the_surface_which_faces_outwards(name):
    solid, rng = made(name), np.random.default_rng(0)
    origin = rng.normal(size=(3, 4000)) * 3
    target = rng.uniform([[-1], [-1], [0]], [[1], [1], [solid.height]], size=(3, 4000))
    direction = target - origin
    direction /= np.linalg.norm(direction, axis=0)
    start, end = solid.inside(origin, direction)
    hit = start < end
    assert hit.mean() > 0.4
    for t in (start, end):
        assert np.abs(beyond(name, origin[:, hit] + t[hit] * direction[:, hit])).max() < 1e-6
    entry = origin[:, hit] + start[hit] * direction[:, hit]
    normal = solid.outward(entry)
    below = entry[2] < 1e-6  # what faces the floor is never seen
    assert np.allclose(np.linalg.norm(normal[:, ~below], axis=0), 1)
    assert ((normal * direction[:, hit]).sum(0)[~below] < 1e-6).all()
    top = entry[2] > solid.height - 0.02  # where a step inwards from the tip of the cone leaves it
    assert beyond(name, (entry - 0.001 * normal)[:, ~below & ~top]).max() < 1e-6
    assert beyond(name, (entry + 0.001 * normal)[:, ~below]).min() > 0
    missed = origin[:, ~hit] + np.linspace(-12, 12, 400)[:, None, None] * direction[:, ~hit]
    assert beyond(name, np.moveaxis(missed, 1, 0).reshape(3, -1)).min() > -1e-6


def test_maps_are_means_over_samples():
    view = VIEWS[0]
    room = empty(view)
    samples = room.with_solid(made("cone"), 0.7)
    maps = room.maps(made("cone"), 0.7)
    for part in (FLOOR, WALL, SOLID):
        blocks = (samples.shade * (samples.part == part)).reshape(SIZE, SAMPLES, SIZE, SAMPLES)
        assert np.array_equal(maps[part], np.rint(255 * blocks.mean(axis=(1, 3))))
