"""Meshes against projections by hand, and catalogs written in the format of Sweet Home 3D."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.data.dataset import load_dataset
from unbraid.data.drawing.meshes import AMBIENT, DISTANCE, LAMP, MARGIN, Mesh, projected, seen
from unbraid.data.files.furniture_catalogs import TABLE, Catalog, Piece, catalogs, mesh_of, pieces_of
from unbraid.data.files.obj_models import LONGEST, MOST, PLAIN, read_mtl, read_obj, turned
from unbraid.data.sets.furniture import _labels
from unbraid.errors import CorruptFile, DataUnavailable, UsageError

SQUARE = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
BLACK, RED, BLUE = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
FOCUS = np.sqrt(DISTANCE**2 - 1) / MARGIN / 2
"""Share of the image that one unit takes at depth 1."""


def square(half: float, color: tuple[float, float, float] = BLACK, z: float = 0.0) -> Mesh:
    corners = half * SQUARE + [0, 0, z]
    return Mesh(corners[[[0, 1, 2], [0, 2, 3]]], np.array([color, color]))


def both(*meshes: Mesh) -> Mesh:
    return Mesh(np.concatenate([m.corners for m in meshes]), np.concatenate([m.colors for m in meshes]))


def about_y(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def covered(mesh: Mesh, azimuth: float, elevation: float, size: int = 64) -> np.ndarray:
    """Share of each pixel that a black mesh hides of the white background."""
    return 1 - seen(mesh, azimuth, elevation, size)[0] / 255


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_points_are_where_a_pinhole_puts_them():
    points = np.array([[0.0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.3, -0.2, 0.4]])
    front = projected(points, 0, 0)
    depth = DISTANCE - points[:, 2]
    assert front[:, 0] == pytest.approx(0.5 + FOCUS * points[:, 0] / depth)
    assert front[:, 1] == pytest.approx(0.5 - FOCUS * points[:, 1] / depth)
    assert front[:, 2] == pytest.approx(1 / depth)
    # from the right the camera stands on +x and sees -z at its right; from above it sees the far side, -z, at the top
    assert projected(points[[3]], 90, 0)[0, :2] == pytest.approx([0.5 - FOCUS * 0.5 / DISTANCE, 0.5])
    assert projected(points[[3]], 0, 89.999)[0, :2] == pytest.approx([0.5, 0.5 + FOCUS * 0.5 / DISTANCE], abs=1e-4)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (40, 0), (0, 30), (-70, 25), (200, 40)])
def test_a_square_covers_what_its_corners_enclose(azimuth, elevation):
    expected = area(projected(0.6 * SQUARE, azimuth, elevation)[:, :2]) * 64**2
    assert covered(square(0.6), azimuth, elevation).sum() == pytest.approx(expected, rel=0.02)
    assert covered(square(0.6), azimuth, elevation, 20).sum() == pytest.approx(expected * (20 / 64) ** 2, rel=0.03)


def test_everything_in_the_unit_ball_is_seen():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    away = np.abs(projected(points, 33, 21)[:, :2] - 0.5).max()
    assert 0.46 < away < 0.5


def test_the_nearest_surface_is_seen():
    two = both(square(0.5, RED, 0.3), square(0.5, BLUE, -0.3))
    assert np.flatnonzero(seen(two, 0, 0, 32)[:, 16, 16]).tolist() == [0]
    assert np.flatnonzero(seen(two, 180, 0, 32)[:, 16, 16]).tolist() == [2]
    # planes that cross each other: the border is where their depths are equal, which no order of triangles gives
    crossed = both(turned(square(0.6, RED), about_y(40)), turned(square(0.6, BLUE), about_y(-40)))
    image = seen(crossed, 0, 0, 64).astype(int)
    middle = image[:, 32]
    assert (middle[2, 18:31] < 90).all() != (middle[0, 18:31] < 90).all()
    left, right = image[:, 32, 25], image[:, 32, 38]
    assert (left[0] > left[2]) != (right[0] > right[2])


def test_faces_are_as_bright_as_they_face_the_lamp():
    lamp = np.array(LAMP) / np.linalg.norm(LAMP)
    for degrees in (0, 35, -60):
        tilted = turned(square(0.5, (1.0, 1.0, 1.0)), about_y(degrees))
        normal = about_y(degrees) @ [0, 0, 1]
        expected = 255 * (AMBIENT + (1 - AMBIENT) * max(normal @ lamp, 0))
        assert seen(tilted, 0, 0, 32)[0, 16, 16] == pytest.approx(expected, abs=0.6)
        inside_out = Mesh(tilted.corners[:, ::-1], tilted.colors)
        assert np.array_equal(seen(inside_out, 0, 0, 32), seen(tilted, 0, 0, 32))


def test_mirror_images_and_turns():
    shape = both(square(0.5), square(0.2, z=0.4), turned(square(0.3), about_y(90)))  # its own mirror image in x
    assert covered(shape, 30, 20)[:, ::-1] == pytest.approx(covered(shape, -30, 20), abs=0.12)
    lopsided = Mesh(np.add(shape.corners, [0.2, 0.1, 0]), shape.colors)
    assert covered(turned(lopsided, about_y(25)), 0, 15) == pytest.approx(covered(lopsided, -25, 15), abs=0.12)
    assert np.abs(covered(lopsided, 0, 15) - covered(lopsided, -25, 15)).max() > 0.9


def test_many_layers_take_no_more_memory_and_the_nearest_is_seen(monkeypatch):
    layers = both(*(square(0.5, RED if k == 33 else BLUE, 0.6 - abs(k - 33) / 100) for k in range(60)))
    expected = seen(layers, 20, 10, 32)
    assert expected[2, 16, 16] == 0
    monkeypatch.setattr("unbraid.data.drawing.meshes._AT_ONCE", 1 << 14)
    tracemalloc.start()
    assert np.array_equal(seen(layers, 20, 10, 32), expected)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 12 << 20


def test_small_turns_change_little():
    shape = both(square(0.5), turned(square(0.3), about_y(90)))
    first, near, far = (covered(shape, azimuth, 20, 96).ravel() for azimuth in (30.0, 30.4, 34.0))
    assert 0 < np.abs(near - first).sum() < 0.3 * np.abs(far - first).sum()


def test_a_mesh_fits_the_ball():
    mesh = Mesh(np.add(square(3.0).corners, [10, 20, -5]), square(3.0).colors).in_unit_ball()
    points = mesh.corners.reshape(-1, 3)
    assert np.linalg.norm(points, axis=1) == pytest.approx(1)
    assert points.mean(0) == pytest.approx([0, 0, 0], abs=0.5)
    with pytest.raises(UsageError, match="radius 0 cannot be seen"):
        Mesh(np.zeros((1, 3, 3)), np.zeros((1, 3))).in_unit_ball()
    with pytest.raises(UsageError, match="A mesh of 1 triangles without area cannot be seen"):
        Mesh(np.array([[[0.0, 0, 0], [1, 2, 3], [2, 4, 6]]]), np.zeros((1, 3))).in_unit_ball()


OBJ = b"""# a pyramid with a square base
mtllib toy.mtl
o base
v -1 0 -1
v 1 0 -1
v 1 0 1 1.0
v -1 0 1
v 0 2 0
vt 0 0
vn 0 1 0
usemtl red paint
f 1/1/1 2/1/1 3//1 4
usemtl unknown
f 1 2 -1
f 2 3 \\
  5
f 1 2
"""


def test_an_obj_file_is_read():
    mesh = read_obj(OBJ, {"red paint": RED}, "toy.obj")
    points = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0, 2, 0]])
    assert np.array_equal(mesh.corners, points[[[0, 1, 2], [0, 2, 3], [0, 1, 4], [1, 2, 4]]])
    assert mesh.colors.tolist() == [list(RED), list(RED), list(PLAIN), list(PLAIN)]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda c: c.replace(b"v 0 2 0", b"v 0 x 0"), "line 8: 'v 0 x 0' cannot be read"),
        (lambda c: c.replace(b"v 0 2 0", b"v 0 2"), "2 numbers of 3"),
        (lambda c: c.replace(b"v 0 2 0", b"v 0 nan 0"), "no finite number"),
        (lambda c: c.replace(b"v 0 2 0", b"v 0 1e999 0"), "no finite number"),
        (lambda c: c.replace(b"v 0 2 0", b"v 0 -1e31 0"), "a number beyond 1e[+]30"),
        (lambda c: c + b"f " + b"1 " * (LONGEST // 2), "line 18 has more than"),
        (lambda c: c + b"f 1 2 \\\n 9", "line 19: 'f 1 2 9' cannot be read"),
        (lambda c: c.replace(b"f 1 2 -1", b"f 1 2 6"), "point 6 of 5"),
        (lambda c: c.replace(b"f 1 2 -1", b"f 1 2 0"), "point 0 of 5"),
        (lambda c: c.replace(b"f 1 2 -1", b"f 1 2 -6"), "point -6 of 5"),
        (lambda c: c.replace(b"f 1 2 -1", b"f 1 2 //"), "cannot be read"),
        (lambda c: c[: c.index(b"f 1")], "has no faces"),
        (lambda c: b"", "has no faces"),
        (lambda c: bytes(range(256)) * 4, "has no faces"),
    ],
)
def test_obj_files_that_are_refused(spoil, says):
    with pytest.raises(CorruptFile, match=says):
        read_obj(spoil(OBJ), {}, "toy.obj")


def test_a_model_has_bounds(monkeypatch):
    assert MOST > 1_000_000
    monkeypatch.setattr("unbraid.data.files.obj_models.MOST", 3)
    with pytest.raises(CorruptFile, match="more than 3 points or triangles"):
        read_obj(OBJ, {}, "toy.obj")


MTL = b"newmtl red paint\nKd 1 0 0\nmap_Kd wood.png\nd 1\nnewmtl plain\nKa 0 0 0\nnewmtl bright\nKd 2 -1 .5\n"


def test_materials_are_read():
    assert read_mtl(MTL, "toy.mtl") == {"red paint": (RED, "wood.png"), "plain": (PLAIN, ""), "bright": ((1.0, 0.0, 0.5), "")}
    with pytest.raises(CorruptFile, match="line 2: 'Kd 1 zero 0' is no color"):
        read_mtl(MTL.replace(b"1 0 0\nmap", b"1 zero 0\nmap"), "toy.mtl")


PROPERTIES = """# a catalog
id=Toys
name=Toy catalog
license=Creative Commons Attribution 3.0 license \\
    (unported)

id#1=Toys#pyramid
name#1=Pyramid ch\\u00e4ir
model#1=/toys/pyramid/toy.obj
creator#1=Somebody
modelRotation#1=0 0 1 0 1 0 -1 0 0

name#2=Side table
model#2=/toys/table/toy.obj

name#3=Chair in another format
model#3=/toys/chair.dae
name#4=Chair that is missing
model#4=/toys/none.obj
"""


def catalog(folder: Path, properties: str = PROPERTIES, **changed: bytes | None) -> Path:
    """A catalog in the format of Sweet Home 3D, with some members changed or left out."""
    wood = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 128, 0)).save(wood, "PNG")
    held = {TABLE: properties.encode("latin-1"), "LICENSE.TXT": b"free"}
    for name in ("pyramid", "table"):
        held |= {f"toys/{name}/toy.obj": OBJ, f"toys/{name}/toy.mtl": MTL, f"toys/{name}/wood.png": wood.getvalue()}
    held |= {name.replace("__", "/").replace("_dot_", "."): content for name, content in changed.items()}
    path = folder / "Toys.sh3f"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def test_a_catalog_is_read(tmp_path):
    found = pieces_of(catalog(tmp_path))
    assert [(p.name, p.creator, p.model) for p in found] == [
        ("Pyramid chäir", "Somebody", "toys/pyramid/toy.obj"),
        ("Side table", "", "toys/table/toy.obj"),
    ]
    assert (found[0].catalog.name, found[0].catalog.license) == (
        "Toy catalog",
        "Creative Commons Attribution 3.0 license (unported)",
    )
    first, second = map(mesh_of, found)
    rotation = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    assert first.corners == pytest.approx(second.corners @ rotation.T)
    assert first.colors[0] == pytest.approx([1, 0, 0])  # red times the mean of orange
    radius = np.sqrt(3)
    assert second.corners[2, 2] * radius == pytest.approx([0, 1, 0])


@pytest.mark.parametrize(
    ("license", "free"),
    [
        ("Public domain", True),
        ("Creative Commons Attribution 3.0 United States license", True),
        ("Creative Commons Attribution-ShareAlike 3.0", True),
        ("Creative Commons Attribution-NonCommercial 3.0", False),
        ("Creative Commons Attribution-NoDerivs 3.0", False),
        ("Creative Commons Attribution, Non Commercial", False),
        ("Creative Commons Attribution-No-Derivatives", False),
        ("All rights reserved", False),
        ("", False),
    ],
)
def test_what_licenses_allow(license, free):
    assert Catalog(Path("x"), "x", license).redistributable == free


def test_models_at_the_top_of_a_catalog_and_what_lies_beside_them(tmp_path):
    white = b"newmtl red paint\nKd 1 1 1\nmap_Kd ..\\more\\some wood.png\n"
    wood = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 128, 0)).save(wood, "PNG")
    others = {"toy.obj": OBJ, "toy.mtl": MTL, "toys/table/toy.mtl": white, "toys/more/some wood.png": wood.getvalue()}
    path = catalog(tmp_path, PROPERTIES.replace("=/toys/pyramid/toy.obj", "=toy.obj"), **others)
    top, below = map(mesh_of, pieces_of(path))
    assert top.colors[0].tolist() == list(RED)
    assert below.colors[0] == pytest.approx([1, 128 / 255, 0])


def test_names_of_models_differ(tmp_path):
    held = Catalog(tmp_path, "x", "")
    names = ("Chair", "chair_1", "Chair", "Stool", "?", "chair 2", "chair-2")
    labels = _labels(tuple(Piece(held, name, "", "", ()) for name in names))
    assert labels == ("chair_2", "chair_1", "chair_3", "stool", "piece", "chair_2_1", "chair_2_2")


def test_furniture_is_a_grid_of_models_and_views(tmp_path, cache):
    path = catalog(tmp_path)
    data = load_dataset(f"furniture:{tmp_path}", pieces="all", size=16, gray=False)
    assert data.space.names == ("model", "elevation", "azimuth")
    assert data.space.factors[0].labels == ("pyramid_chäir", "side_table")
    assert data.is_whole_grid
    assert len(data) == 2 * 3 * 24
    assert data.redistributable
    assert "Toy catalog, Creative Commons Attribution 3.0" in data.notes[0]
    row = data.space.index(np.array([[1, 2, 5]]))
    assert np.array_equal(data.images.bytes(row)[0], seen(mesh_of(pieces_of(path)[1]), 75, 40, 16))
    alone = load_dataset("furniture", path=str(path), pieces="table", size=16)
    assert alone.space.names == ("elevation", "azimuth")
    assert alone.shape == (1, 16, 16)
    color = data.images.bytes(row)[0].astype(float)
    assert np.abs(alone.images.bytes(row - 72)[0, 0] - np.tensordot((0.299, 0.587, 0.114), color, 1)).max() <= 0.5


def test_furniture_from_any_side(tmp_path, cache):
    path = catalog(tmp_path)
    data = load_dataset("furniture", path=str(path), pieces="all", size=16, continuous="azimuth", images=30, holes="model=0")
    assert set(data.factors[:, 0]) == {1}
    whole = load_dataset("furniture", path=str(path), pieces="all", size=16, continuous="all", images=20)
    model, elevation, azimuth = whole.factors[7]
    color = seen(mesh_of(pieces_of(path)[int(model)]), azimuth, elevation, 16)
    assert np.abs(whole.images.bytes(np.array([7]))[0, 0] - np.tensordot((0.299, 0.587, 0.114), color, 1)).max() <= 0.5


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"PluginFurnitureCatalog_dot_properties": None}, "holds no PluginFurnitureCatalog.properties"),
        ({"toys__table__toy_dot_obj": b"v 1 2\nf 1 1 1"}, "Toys.sh3f: toys/table/toy.obj, line 1"),
        ({"toys__table__toy_dot_mtl": b"newmtl a\nKd 1"}, "Toys.sh3f: toys/table/toy.mtl, line 2"),
        ({"properties": PROPERTIES.replace("0 0 1 0 1 0 -1 0 0", "0 0 1 0 1 0 0 0 0")}, "allowed: nine numbers of a rotation"),
        ({"properties": PROPERTIES.replace("0 0 1 0 1 0 -1 0 0", "1e200 0 0 0 1e200 0 0 0 1e200")}, "allowed: nine numbers"),
        ({"toys__table__toy_dot_obj": b"v 1 2 0\nf 1 1 1"}, "Toys.sh3f: toys/table/toy.obj: .* radius 0 cannot be seen"),
        ({"properties": PROPERTIES.replace("0 0 1 0 1 0 -1 0 0", "1 x")}, "allowed: nine numbers of a rotation"),
    ],
)
def test_catalogs_that_are_refused(tmp_path, cache, changed, says):
    path = catalog(tmp_path, **changed)
    with pytest.raises(CorruptFile, match=says):
        load_dataset("furniture", path=str(path), pieces="all", size=16)


def test_archives_that_are_refused(tmp_path):
    path = catalog(tmp_path)
    whole = path.read_bytes()
    for content in (b"", b"<html>quota exceeded</html>", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(CorruptFile, match="truncated or damaged"):
            pieces_of(path)


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    (tmp_path / "chairs.txt").write_text("chairs")
    with pytest.raises(UsageError, match=r"called like no catalog of furniture; give a file \*\.sh3f"):
        load_dataset(f"furniture:{tmp_path / 'chairs.txt'}")
    with pytest.raises(DataUnavailable, match="package sweethome3d-furniture"):
        load_dataset(f"furniture:{tmp_path}")
    monkeypatch.setattr("unbraid.data.sets.furniture.USUAL", tmp_path / "none")
    with pytest.raises(DataUnavailable, match=r"no catalogs of furniture \(\*\.sh3f\) in"):
        load_dataset("furniture")
    path = catalog(tmp_path)
    assert catalogs(tmp_path) == catalogs(path) == [path]
    with pytest.raises(UsageError, match="--pieces 'sofa' fits none of the 2 pieces.* Some names: Pyramid chäir, Side table"):
        load_dataset("furniture", path=str(path), pieces="sofa")
    catalog(tmp_path, PROPERTIES.replace(".obj", ".dae"))
    with pytest.raises(DataUnavailable, match="Toys.sh3f: no piece has its model in the format OBJ"):
        load_dataset("furniture", path=str(path))

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("zipfile.ZipFile", forbidden)
    with pytest.raises(DataUnavailable, match="may not be read .Permission denied.; get the permission"):
        load_dataset("furniture", path=str(path))


def test_a_texture_that_cannot_be_read_is_white(tmp_path):
    broken = catalog(tmp_path, toys__table__wood_dot_png=b"\x89PNG\r\n\x1a\nno picture")
    assert mesh_of(pieces_of(broken)[1]).colors[0].tolist() == list(RED)
    (tmp_path / "other").mkdir()
    red_to_white = MTL.replace(b"Kd 1 0 0", b"Kd 1 1 1")
    orange = mesh_of(pieces_of(catalog(tmp_path / "other", toys__table__toy_dot_mtl=red_to_white))[1])
    assert orange.colors[0] == pytest.approx([1, 128 / 255, 0])
