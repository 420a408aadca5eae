"""Letters against closed forms, symmetries of the alphabet, and FreeType's own pictures."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from scipy.special import ellipe

from unbraid.data.dataset import addressed, load_dataset
from unbraid.data.drawing.letters import Letter, boundary, draw_letters, windings
from unbraid.data.drawing.stroke_letters import BOLD, LIGHT, PENS, SKELETONS, stroke_letter
from unbraid.data.files import font_files
from unbraid.data.files.font_files import font_file, font_letters
from unbraid.data.sets import glyphs as module
from unbraid.data.sets.glyphs import CAPITALS, HEIGHT, RANGES, drawn_glyphs, fonts_of, glyphs_space, middles, pinned, span
from unbraid.errors import CorruptFile, DataUnavailable, UnknownName, UsageError

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
DEJAVU = FONTS / "DejaVuSans.ttf"
USUAL = {"weight": 0.5, "slant": 0.0, "x": 0.5, "y": 0.5, "scale": 1.0, "rotation": 0.0}


def drawn(character: str, font: str = "plain", size: int = 64, **pose: float) -> np.ndarray:
    """One letter in shares of ink, in the usual pose but for what is given."""
    drawing = drawn_glyphs(size, character, font)
    values = np.array([[{**USUAL, **pose}[name] for name in drawing.space.names]])
    return drawing.draw(values).bytes(np.array([0]))[0, 0] / 255


def centroid(image: np.ndarray) -> np.ndarray:
    y, x = np.indices(image.shape) + 0.5
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


def assert_alike(one: np.ndarray, other: np.ndarray) -> None:
    assert np.abs(one - other).max() < 0.012  # fields and levels are rounded


@pytest.mark.parametrize("font", ["plain", "roman", "condensed"])
def test_letters_that_are_their_own_mirror_image(font):
    for character in "AHIMOTUVWXY8":
        pose = {"slant": 12.0, "rotation": -17.0, "x": 0.2, "scale": 0.8, "weight": 0.7}
        flipped = {**pose, "slant": -12.0, "rotation": 17.0, "x": 0.8}
        assert_alike(drawn(character, font, **pose)[:, ::-1], drawn(character, font, **flipped))
    for character in "BCDEFGJKLNPQRSZ":
        image = drawn(character, font)
        assert np.abs(image[:, ::-1] - image).max() > 0.5, character


@pytest.mark.parametrize("font", PENS)
def test_letters_that_half_a_turn_leaves_as_they_are(font):
    pose = {"slant": 12.0, "rotation": -17.0, "x": 0.2, "y": 0.9}
    turned = {**pose, "x": 0.8, "y": 0.1}
    for one, other in ("HH", "II", "NN", "OO", "SS", "XX", "ZZ", "69"):
        assert_alike(drawn(one, font, **pose)[::-1, ::-1], drawn(other, font, **turned))


def test_areas_are_those_of_closed_forms():
    half, unit = LIGHT + 0.5 * (BOLD - LIGHT), (HEIGHT * 256) ** 2
    # two strokes that meet at a right angle: half a disk at each end, and at the corner a quarter of one less a square
    ell = 2 * half * 1.58 + np.pi * half**2 + (np.pi / 4 - 1) * half**2
    assert drawn("L", size=256).sum() == pytest.approx(unit * ell, rel=0.004)
    around = 4 * 0.5 * ellipe(1 - (0.38 / 0.5) ** 2)
    assert drawn("O", size=256).sum() == pytest.approx(unit * 2 * half * around, rel=0.004)
    # an upright stroke of an elliptical nib is as wide as the nib
    upright = Letter(np.array([[[0.0, -0.4], [0.0, 0.4]]]), LIGHT, BOLD, PENS["roman"].nib)
    image = draw_letters([upright], np.array([[0, 0.5, 0, 100, 0, 64, 64]]), 128, 2)[0, 0] / 255
    assert image[64].sum() == pytest.approx(2 * 100 * 1.3 * half, rel=0.01)
    assert image[:, 64].sum() == pytest.approx(100 * (0.8 + 2 * 0.6 * half), rel=0.01)


@pytest.mark.parametrize("font", ["roman", "chisel", str(DEJAVU)])
@pytest.mark.parametrize("character", ["G", "R"])
def test_area_grows_with_scale_squared_and_no_pose_changes_it(font, character):
    area = drawn(character, font).sum()
    for pose in (
        {"slant": 15.0},
        {"slant": -7.0},
        {"rotation": 24.0},
        {"rotation": -11.0, "slant": 15.0},
        {"x": 0.13, "y": 1.0},
    ):
        assert drawn(character, font, **pose).sum() == pytest.approx(area, rel=0.012), pose
    for scale in (0.6, 0.85):
        assert drawn(character, font, scale=scale).sum() == pytest.approx(scale**2 * area, rel=0.02)
    for size in (24, 32, 97, 256):
        assert drawn(character, font, size).sum() == pytest.approx((size / 64) ** 2 * area, rel=0.03), size


def test_slant_leans_to_the_right_and_rotation_turns_counter_clockwise():
    slanted, turned = drawn("T", size=128, slant=15.0), drawn("T", size=128, rotation=20.0)
    for image, shift in ((slanted, np.tan(np.radians(15))), (turned, -np.tan(np.radians(20)))):
        rows = np.array([60, 70, 76])  # of the stem
        x = image[rows] @ (np.arange(128) + 0.5) / image[rows].sum(1)
        assert np.diff(x) / np.diff(rows) == pytest.approx(-shift, abs=0.02)


def test_letters_are_where_x_and_y_say():
    for size in (28, 64, 70):
        for x, y in ((0.0, 1.0), (0.31, 0.5), (1.0, 0.77)):
            expected = middles(np.array([x, y]), size)
            assert centroid(drawn("O", size=size, x=x, y=y)) == pytest.approx(expected, abs=0.05)
    assert middles(np.array([0.0, 0.5, 1.0]), 64).tolist() == [26, 32, 38]
    assert [span(size) for size in (16, 27, 28, 64)] == [3, 3, 6, 12]


@pytest.mark.parametrize("name", RANGES)
def test_continuous_factors_move_letters_continuously_and_always(name):
    low, high = RANGES[name]
    places = low + (high - low) * np.array([0.31, 0.31 + 1 / 500, 0.31 + 1 / 50])
    for font in ("plain", "chisel"):
        first, near, far = (drawn("K", font, **{name: place}) for place in places)
        assert 0 < np.abs(near - first).max() < 0.06
        assert np.abs(near - first).sum() < 0.25 * np.abs(far - first).sum()


def test_a_heavier_letter_holds_the_lighter_one():
    for font in (*PENS, str(DEJAVU)):
        weights = [drawn("S", font, weight=weight) for weight in (0.0, 0.3, 1.0)]
        assert all((heavy - light).min() > -0.012 for light, heavy in pairwise(weights))
        assert weights[2].sum() > 1.25 * weights[0].sum()


def test_every_letter_and_font_can_be_told_from_all_others():
    drawing = drawn_glyphs(64, CAPITALS, "own")
    values = np.array([[letter, font, *USUAL.values()] for letter in range(26) for font in range(4)], float)
    flat = drawing.draw(values).bytes(np.arange(104)).reshape(104, -1).astype(float) / 255
    apart = np.abs(flat[:, None] - flat).sum(-1) / flat.sum(1)
    assert (apart + np.eye(104)).min() > 0.15


@pytest.mark.parametrize("size", [16, 28, 64])
def test_no_letter_is_cut_off(size):
    poses = [
        {**USUAL, "slant": slant, "rotation": turn, "x": x, "y": y, "weight": 1.0}
        for slant in (-15.0, 15.0)
        for turn in (-24.0, 24.0)
        for x, y in ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
    ]
    for fonts, count in (("own", 4), (f"{DEJAVU},{FONTS / 'DejaVuSerif-Bold.ttf'}", 2)):
        drawing = drawn_glyphs(size, "WMQA", fonts)
        rows = [[letter, font, *pose.values()] for pose in poses for font in range(count) for letter in range(4)]
        images = drawing.draw(np.array(rows)).bytes(np.arange(len(rows)))
        ink = images.sum((1, 2, 3)).reshape(4, 5, -1)
        assert (np.abs(ink[:, 1:] / ink[:, :1] - 1) < (0.01 if size == 64 else 0.03)).all()


def test_serifs_stand_at_ends_that_meet_nothing():
    bars = {c: len(stroke_letter(c, "roman").segments) - len(stroke_letter(c, "plain").segments) for c in "AHTNOLBUXY"}
    assert bars == {"A": 2, "H": 4, "T": 1, "N": 2, "O": 0, "L": 1, "B": 0, "U": 2, "X": 4, "Y": 3}


def test_images_off_the_grid_are_those_of_the_grid_where_values_are_on_it(cache):
    data = load_dataset("glyphs", letters="KX", fonts="plain,chisel", size=28)
    assert data.is_whole_grid
    assert len(data) == 2 * 2 * 3 * 3 * 16 * 3 * 5
    rows = np.random.default_rng(0).choice(len(data), 60, replace=False)
    space = glyphs_space("KX", ("plain", "chisel"))
    alone = drawn_glyphs(28, "KX", "plain,chisel").draw(space.values(space.at(rows)))
    assert np.array_equal(alone.bytes(np.arange(60)), data.images.bytes(rows))
    moved = data.images.bytes(space.index(np.array([[0, 1, 2, 1, 0, 0, 2, 3], [0, 1, 2, 1, 3, 1, 2, 3]])))[:, 0]
    assert np.array_equal(np.roll(moved[0], (2, 6), (0, 1)), moved[1])  # steps of two pixels
    assert not data.notes
    assert (
        len(
            {
                picture.tobytes()
                for picture in data.images.bytes(space.rows(letter=0, font=0, weight=0, slant=0, scale=0, rotation=0))
            }
        )
        == 16
    )


def test_options_of_every_drawn_set(cache):
    data = load_dataset(
        "glyphs",
        size=32,
        letters="ABC",
        continuous="slant,weight",
        joint="slant,weight,0.9",
        holes="letter=A font=roman",
        images=80,
    )
    letter, font, weight, slant = data.factors.T[:4]
    assert data.space.continuous == ("weight", "slant")
    assert np.corrcoef(weight, slant)[0, 1] > 0.8
    assert not ((letter == 0) & (font == 1)).any()
    only = load_dataset(
        "glyphs", size=32, letters="0123456789", fonts="plain", only="letter=3,7 weight=1 scale=2 rotation=2 slant=1"
    )
    assert only.space.names == ("letter", "x", "y")
    assert only.space.factors[0].labels == ("3", "7")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"letters": "AßC"}, UsageError, "have no 'ß'; allowed: A to Z and 0 to 9"),
        ({"letters": "ABA"}, UsageError, "A is there twice"),
        ({"letters": ""}, UsageError, "give one or more different characters"),
        ({"letters": "A B"}, UsageError, "without spaces"),
        ({"letters": "A,;"}, UsageError, ", ; cannot be told"),
        ({"fonts": "plain,own"}, UsageError, "plain twice"),
        ({"fonts": "own,"}, UsageError, "a name is missing; give names with commas between"),
        ({"fonts": ""}, UsageError, "a name is missing"),
        ({"fonts": str(DEJAVU), "letters": "".join(map(chr, range(0x4E00, 0x4E20)))}, UsageError, "'三' and 22 more; give"),
        ({"fonts": "/nowhere/a, b.ttf"}, DataUnavailable, "no font file /nowhere/a; give a file that exists, with no comma"),
        ({"fonts": "plein"}, UnknownName, "Unknown font 'plein' in --fonts"),
        ({"fonts": "DejaVu Sanz"}, UnknownName, "Did you mean 'DejaVu Sans'"),
        ({"fonts": "/nowhere/a.ttf"}, DataUnavailable, "There is no font file /nowhere/a.ttf"),
        ({"fonts": f"DejaVu Sans@{'0' * 16}"}, DataUnavailable, "is not on this machine. It is not the one that was named"),
        ({"fonts": str(DEJAVU), "letters": "\u4e00"}, UsageError, "draws nothing for '\u4e00'"),
        ({"size": 256, "images": 500_000, "continuous": "all"}, UsageError, "give a smaller size|Give a smaller size"),
    ],
)
def test_options_that_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        load_dataset("glyphs", **options)


@pytest.mark.parametrize("spoil", [lambda b: b"", lambda b: b"no font", lambda b: b[:40], lambda b: b[:12] + bytes(400)])
def test_files_that_are_no_fonts_are_refused(tmp_path, spoil):
    path = tmp_path / "broken.ttf"
    path.write_bytes(spoil(DEJAVU.read_bytes()))
    with pytest.raises(CorruptFile, match=r"cannot be read as a font \([a-z ]+\); give another file"):
        load_dataset("glyphs", fonts=str(path))


def test_a_font_cut_short_is_refused_or_draws_what_it_has(tmp_path):
    path, whole = tmp_path / "short.ttf", DEJAVU.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        try:
            letters = font_letters(font_file(path), "AQ")
        except (CorruptFile, UsageError):
            continue
        assert all(np.isfinite(letter.segments).all() for letter in letters)


def test_letters_of_a_font_are_those_that_freetype_draws():
    from PIL import Image, ImageDraw, ImageFont

    font, height = ImageFont.truetype(DEJAVU, 400), 400 * 1493 / 2048  # of a capital of DejaVu Sans
    for character in "BGRSe8é":
        picture = Image.new("L", (900, 900))
        ImageDraw.Draw(picture).text((200, 100), character, fill=255, font=font)
        theirs = np.asarray(picture.crop(picture.getbbox())) / 255
        letter = font_letters(font_file(DEJAVU), character)[0]
        ours = draw_letters([letter], np.array([[0, 0, 0, height, 0, 300.0, 300.0]]), 600, 1)[0, 0] / 255
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.006), character
        rows, columns = (np.flatnonzero(ours.max(axis) > 0.5) for axis in (1, 0))
        cut = ours[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        common = tuple(slice(0, min(a, b)) for a, b in zip(cut.shape, theirs.shape, strict=True))
        assert np.abs(np.subtract(cut.shape, theirs.shape)).max() <= 2
        assert (np.abs(cut[common] - theirs[common]) > 0.5).mean() < 0.02, character


SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def outline(*corners: np.ndarray) -> np.ndarray:
    return np.concatenate([np.stack([points, np.roll(points, -1, axis=0)], 1) for points in corners])


def test_overlapping_outlines_are_their_union():
    both = outline(SQUARE, SQUARE + 0.5)
    kept = boundary(both)
    assert np.linalg.norm(kept[:, 1] - kept[:, 0], axis=1).sum() == pytest.approx(6)
    points = np.array([[0.25, 0.25], [0.75, 0.75], [1.25, 0.25], [1.4, 1.4]])
    assert windings(both, points).tolist() == [1, 2, 0, 1]
    assert windings(kept, points).tolist() == [1, 1, 0, 1]
    letter = Letter((kept - 0.75) * 0.6, 0.0, 0.05, outline=True)
    image = draw_letters([letter], np.array([[0, 0, 0, 100, 0, 64, 64.0]]), 128, 1)[0, 0] / 255
    assert image.sum() == pytest.approx(1.75 * 60**2, rel=0.003)
    assert image[50:79, 50:79].min() == 1  # no seam where one outline runs inside the other


def test_outlines_of_many_segments_are_cut_some_at_a_time(monkeypatch):
    turns = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    round_ones = [np.stack([np.cos(turns) + k / 3, np.sin(turns)], 1) for k in range(3)]
    expected = boundary(outline(*round_ones))
    monkeypatch.setattr("unbraid.data.drawing.letters._AT_ONCE", 7_000)
    tracemalloc.start()
    assert np.array_equal(boundary(outline(*round_ones)), expected)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 << 20
    monkeypatch.setattr(font_files, "MOST", 40)
    with pytest.raises(UsageError, match=r"draws 'S' of \d+ segments; allowed: 40"):
        font_letters(font_file(DEJAVU), "LS")


def test_an_outline_that_is_crossed_often_is_cut_at_each_crossing():
    bar, post = SQUARE * [10, 1], SQUARE * [1, 3] - [0, 1]
    kept = boundary(outline(bar, *(np.add(post, [right, 0]) for right in (7, 2, 4))))
    assert np.linalg.norm(kept[:, 1] - kept[:, 0], axis=1).sum() == pytest.approx(22 + 3 * 4)
    x, y = np.meshgrid(np.arange(-0.5, 11), np.arange(-1.75, 3, 0.5))
    inside = ((x > 0) & (x < 10) & (y > 0) & (y < 1)) | (np.isin(x, [2.5, 4.5, 7.5]) & (y > -1) & (y < 2))
    assert np.array_equal(windings(kept, np.stack([x.ravel(), y.ravel()], 1)), inside.ravel().astype(float))


def test_a_hole_stays_a_hole():
    ring = outline(SQUARE, (SQUARE * 0.5 + 0.25)[::-1])
    assert np.array_equal(np.sort(boundary(ring).ravel()), np.sort(ring.ravel()))
    letter = Letter(ring - 0.5, 0.0, 0.05, outline=True)
    light, bold = draw_letters([letter], np.array([[0, w, 0, 100, 0, 64, 64] for w in (0, 1)], float), 128, 1)[:, 0] / 255
    assert light.sum() == pytest.approx(0.75 * 100**2, rel=0.003)
    assert light[64, 64] == bold[64, 64] == 0
    assert bold[64].sum() == pytest.approx(70, abs=0.5)  # 5 more on each of four sides


def test_configurations_hold_the_digest_of_font_files(monkeypatch):
    digest = font_file(DEJAVU).digest
    assert addressed("glyphs", {"fonts": "own"})[1]["fonts"] == "own"
    kept = addressed("glyphs", {"fonts": f"plain, {DEJAVU}"})[1]["fonts"]
    assert kept == f"plain,{DEJAVU}@{digest}"
    assert pinned({"fonts": kept}) == kept
    data = load_dataset("glyphs", fonts=kept, letters="AB", images=20, size=32)
    assert data.space.factors[1].labels == ("plain", "dejavu_sans")
    assert f"DejaVu Sans (DejaVuSans.ttf, SHA-256 {digest}...)" in data.notes[0]


def test_a_font_that_moved_is_found_by_its_digest(tmp_path, monkeypatch):
    named, moved, digest = tmp_path / "mine.ttf", tmp_path / "elsewhere.ttf", font_file(DEJAVU).digest
    moved.write_bytes(DEJAVU.read_bytes())
    monkeypatch.setattr(font_files, "_faces", lambda everywhere: ((moved, "DejaVu Sans", ()),))
    for name in (str(named), "Another Name"):
        (font,) = fonts_of(f"{name}@{digest}", "A")
        assert (font.pinned, font.label, font.file.path) == (f"{name}@{digest}", "dejavu_sans", moved)
    named.write_bytes((FONTS / "DejaVuSerif.ttf").read_bytes())
    assert fonts_of(f"{named}@{digest}", "A")[0].file.path == moved
    named.write_bytes(b"no font")
    assert fonts_of(f"{named}@{digest}", "A")[0].file.path == moved
    named.write_bytes((FONTS / "DejaVuSerif.ttf").read_bytes())
    monkeypatch.setattr(font_files, "_faces", lambda everywhere: ())
    with pytest.raises(DataUnavailable, match=f"{digest} is not on this machine. It is not the one that was named: .* Install"):
        fonts_of(f"{named}@{digest}", "A")
    with pytest.raises(DataUnavailable, match="is not on this machine. Unknown font 'Gone' .* Install that font file among"):
        fonts_of(f"Gone@{digest}", "A")


def test_styles_of_one_family_are_fonts_that_differ(tmp_path):
    bold, copied = FONTS / "DejaVuSans-Bold.ttf", tmp_path / "copied.ttf"
    copied.write_bytes(bold.read_bytes())
    assert [font.label for font in fonts_of(f"{DEJAVU},{bold}", "A")] == ["dejavu_sans", "dejavu_sans_bold"]
    with pytest.raises(UsageError, match="dejavu_sans_bold twice"):
        fonts_of(f"{bold},{copied}", "A")


@pytest.mark.filterwarnings("error")
def test_damaged_outlines_are_refused_without_warnings(tmp_path):
    path, content = tmp_path / "damaged.ttf", bytearray(DEJAVU.read_bytes())
    entry = content.index(b"glyf")  # of the table of tables: tag, checksum, offset, length
    offset, length = (int.from_bytes(content[entry + k : entry + k + 4], "big") for k in (8, 12))
    content[offset : offset + length] = b"\1" * length
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=r"has a damaged outline of 'A' \([a-z ]+\); give another file"):
        load_dataset("glyphs", fonts=str(path), letters="ABgQ8")


def test_the_fonts_of_a_system(monkeypatch):
    faces = {path.stem: path for path in FONTS.glob("DejaVu*.ttf")} | {"cmsy10": FONTS / "cmsy10.ttf"}
    listed = tuple((path, font_files._opened(path).family_name, (stem,)) for stem, path in faces.items())
    monkeypatch.setattr(font_files, "_faces", lambda everywhere: listed)
    found = [font.label for font in fonts_of("system", "AÉ")]
    assert "dejavu_serif" in found
    assert "cmsy10" not in found  # symbols, without É
    assert found == sorted(found)

    def letters(file: font_files.FontFile, characters: str) -> tuple[Letter, ...]:
        if file.family == "DejaVu Serif":
            raise CorruptFile("Outlines have no height.")
        return font_letters(file, characters)

    with monkeypatch.context() as damaged:
        damaged.setattr(module, "font_letters", letters)
        assert [font.label for font in fonts_of("system", "AÉ")] == [name for name in found if name != "dejavu_serif"]
    monkeypatch.setattr(module, "MOST_FONTS", 2)
    assert [font.label for font in fonts_of("system", "AÉ")] == found[:2]
    monkeypatch.setattr(font_files, "_faces", lambda everywhere: ())
    with pytest.raises(DataUnavailable, match="this machine has no font files with the letters"):
        fonts_of("system", "A")
    with pytest.raises(UnknownName, match="This machine has no font files"):
        fonts_of("Arial", "A")


def test_the_most_regular_file_of_a_family_is_taken():
    for family, file in (("DejaVu Sans", "DejaVuSans.ttf"), ("dejavu serif", "DejaVuSerif.ttf")):
        assert font_files.font_family(family).path.name == file


def test_there_is_a_skeleton_of_each_character():
    assert set(SKELETONS) == set(CAPITALS) | set("0123456789")
