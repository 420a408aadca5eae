"""Data sets made of a factor grid: the options that all of them share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import numpy as np
from jaxtyping import Int, Int16

from unbraid.data.dataset import Dataset, TestShare, hold_out
from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.color import Color, colored
from unbraid.data.grids.drawn import (
    DRAWN,
    ContinuousOption,
    Drawing,
    HolesOption,
    JointOption,
    UnseenOption,
    drawn,
    joint_of,
    notes_on,
)
from unbraid.data.grids.order import Order, presentation
from unbraid.data.grids.selection import in_any, pair_weights, parse_boxes, parse_selection
from unbraid.data.joint import first_rows
from unbraid.data.storage import ImageStore, Selected
from unbraid.errors import UsageError
from unbraid.options import Option

HUES = 8
"""Number of hues unless told otherwise."""
_SOME = 1 << 16
CONTINUOUS = "continuous"
INSTEAD = {
    "only": """give the part as a distribution, as in --joint "scale=3..5 1", or the rest as --holes""",
    "correlate": """give the correlation as --joint "x,y,0.8", which holds of training and tests""",
    "order": "a walk goes from neighbor to neighbor on a whole grid",
}
"""What else an option that contradicts drawn factors can be, or why it has no place."""
PRESENTATION = ("order", "correlate")
"""Options that say in which order and how often training sees images, and change no image."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Images of a full factor grid, in index order.

    Args:
        images: the store.
        space: the factors; image i has the codes `space.at(i)`.
        redistributable: whether pages and reports may embed images.
        notes: what to beware of, a sentence each.
    """

    images: ImageStore
    space: FactorSpace
    redistributable: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.images) != len(self.space):
            raise UsageError(f"A grid of {len(self.space)} combinations of factors has {len(self.images)} images.")


def arranged(
    name: str,
    grid: Grid,
    order: Annotated[
        Order,
        Option(
            "order of presentation: shuffled anew every epoch, or a continuous walk "
            "in which one factor or all factors change from image to image"
        ),
    ] = "shuffled",
    test_share: TestShare = 0.1,
    color: Annotated[
        Color,
        Option("none leaves images gray; factor adds a factor hue; random gives each image a color that no factor tells of"),
    ] = "none",
    hues: Annotated[int | None, Option("number of hues with --color factor; 8 unless given", ge=2, le=256)] = None,
    only: Annotated[
        str | None,
        Option('keep a part of the grid, by indices or names of values: "scale=3..5 x=0,2,4", "shape=heart"'),
    ] = None,
    unseen: UnseenOption = None,
    correlate: Annotated[
        str | None,
        Option(
            'draw two factors together in training: "x,y,0.2" draws with probability ~ exp(-(a-b)^2 / (2 0.2^2)) for values '
            "a, b scaled to 0..1, with replacement; scores still count every image once"
        ),
    ] = None,
    holes: HolesOption = None,
    joint: JointOption = None,
    images: Annotated[
        int | None,
        Option(
            f"number of images whose factors are drawn, in place of the whole grid; {DRAWN:,} with --joint, and most sets "
            "with --continuous, unless given",
            ge=2,
            le=5_000_000,
        ),
    ] = None,
) -> Dataset:
    """A data set made of a grid, colored, cut, split and weighted as asked, or drawn from it.

    Indices in `only`, `unseen`, `holes` and `joint` are those of the whole grid; a factor of which one value is kept is no
    factor any more. The test split is a fixed pseudo-random share, or the unseen combinations alone. Metrics and losses are
    averages over images, each counted once, whatever `correlate` says about training.

    With `joint` or `images` the factors of every image are drawn from a joint distribution, which is that of training *and* of
    tests: independent and uniform unless given, and given that no combination is in a hole. Combinations are drawn with
    replacement by a fixed seed, so that fewer images are the first of many; the test split holds combinations out, so that
    equal images never lie on both sides.

    Raises `UnknownName` for a factor that does not exist and `UsageError` for values that do not exist, for a selection that
    keeps or trains on nothing, for options that contradict each other, and as `parse_joint` and `first_rows` do.
    """
    if hues is not None and color != "factor":
        raise UsageError(f"--hues {hues} is for --color factor, and --color is {color}; give both or neither.")
    store, whole = colored(grid.images, grid.space, color, hues or HUES)
    gaps = () if holes is None else parse_boxes(holes, whole, "--holes")
    if joint is not None or images is not None:
        flag = "--joint" if joint is not None else "--images"
        refuse_beside(flag, {"order": order != "shuffled" and order, "only": only, "correlate": correlate})
        source = joint_of(joint, gaps, whole)
        codes = first_rows(source, images or DRAWN)
        rows = whole.index(codes)
        return Dataset(
            name,
            Selected(store, rows),
            _hold_out_combinations(rows, test_share) if unseen is None else _unseen(unseen, whole, rows),
            whole,
            codes.astype(np.int16),
            redistributable=grid.redistributable,
            notes=(*grid.notes, *notes_on(source, whole, holes)),
        )
    kept, rows = whole.subgrid(**(parse_selection(only, whole, "--only") if only is not None else {}))
    space = kept if only is None else _varying(kept, only)
    factors, walk = _codes(space), presentation(space, order)
    weights = None if correlate is None else pair_weights(correlate, kept)
    if gaps:
        refuse_beside("--holes", {"order": order != "shuffled" and order})
        left = ~in_any(gaps, whole.at(rows), whole)
        if left.sum() < 2 or left.all():
            raise UsageError(f"--holes {holes!r} leave {left.sum():,} of {len(rows):,} images; leave 2 or more, but not all.")
        rows, factors, weights = rows[left], factors[left], None if weights is None else weights[left]
    return Dataset(
        name,
        store if only is None and not gaps else Selected(store, rows),
        hold_out(len(rows), test_share) if unseen is None else _unseen(unseen, whole, rows),
        space,
        factors,
        walk=walk,
        redistributable=grid.redistributable,
        weights=weights,
        notes=(*grid.notes, *([f"These combinations never occur: {holes}."] if holes else [])),
    )


def refuse_beside(flag: str, others: Mapping[str, object]) -> None:
    """Raise `UsageError` where an option is given beside one that it contradicts."""
    for name, value in others.items():
        if value:
            other = f": {INSTEAD[name]}" if name in INSTEAD else ""
            raise UsageError(f"{flag} and --{name} {value} contradict each other; leave one of them out{other}.")


def _hold_out_combinations(rows: Int[np.ndarray, "n"], share: float) -> Int[np.ndarray, "_"]:
    """Indices of all images of a fixed pseudo-random share of the combinations that occur, ascending."""
    distinct, which = np.unique(rows, return_inverse=True)
    return np.flatnonzero(np.isin(which.reshape(-1), hold_out(len(distinct), share)))


def _codes(space: FactorSpace) -> Int16[np.ndarray, "n factor"]:
    """Factor codes of every image; some at a time, since grids have millions of images."""
    codes = np.empty((len(space), len(space.factors)), np.int16)
    for start in range(0, len(space), _SOME):
        rows = np.arange(start, min(start + _SOME, len(space)))
        codes[rows] = space.at(rows)
    return codes


def _varying(space: FactorSpace, only: str) -> FactorSpace:
    # a factor with one value is none: it would count in every mean over factors as one that nothing can follow
    factors = tuple(factor for factor in space.factors if factor.size > 1)
    if not factors:
        raise UsageError(f"--only {only!r} leaves a single image; keep several values of a factor.")
    return FactorSpace(factors)


def _unseen(text: str, whole: FactorSpace, rows: Int[np.ndarray, "n"]) -> Int[np.ndarray, "_"]:
    chosen = parse_selection(text, whole, "--unseen")
    found = np.flatnonzero(np.isin(rows, whole.subgrid(**chosen)[1]))
    if len(found) in (0, len(rows)):
        matched = "all" if len(found) else "none"
        raise UsageError(f"--unseen {text!r} matches {matched} of the {len(rows)} images; give combinations that some have.")
    return found


def factor_grid(make: Callable[..., Grid], drawing: Callable[..., Drawing] | None = None) -> Callable[..., Dataset]:
    """Make a data set of a function that returns a `Grid`: its own options, and those of every grid.

    The data set has the function's name. Options of every grid are those of `arranged`: order, test_share, color, hues, only,
    unseen, correlate, holes, joint, images.

    Args:
        make: the function.
        drawing: takes the same options and returns what draws images off the grid; there is the option `continuous` then.
    """
    own, shared = inspect.signature(make).parameters, _shared_options(drawing is not None)

    @wraps(make)
    def factory(**options: Any) -> Dataset:
        mine = {name: value for name, value in options.items() if name not in shared}
        others = {name: value for name, value in options.items() if name in shared}
        continuous = others.pop(CONTINUOUS, None)
        if drawing is None or continuous is None:
            return arranged(make.__name__, make(**mine), **others)
        return _off_the_grid(make.__name__, drawing(**mine), continuous, **others)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own.values(), *shared.values())]
    factory.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    factory.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Dataset}
    return factory


def drawn_grid(drawing: Callable[..., Drawing]) -> Callable[[Callable[..., Grid]], Callable[..., Dataset]]:
    """`factor_grid` for images that can also be drawn off the grid, with continuous factors."""
    return lambda make: factor_grid(make, drawing)


def whole(drawing: Drawing) -> Grid:
    """All combinations of the factors of a drawing."""
    space = drawing.space
    images = drawing.draw(space.values(space.at(np.arange(len(space)))))
    return Grid(images, space, redistributable=drawing.redistributable, notes=drawing.notes)


def _off_the_grid(name: str, drawing: Drawing, continuous: str, **options: Any) -> Dataset:
    grids_alone = ("order", "color", "hues", "only", "correlate")
    usual = _shared_options(off_the_grid=True)
    given = {option: options.pop(option, None) for option in grids_alone}
    refuse_beside("--continuous", {o: value for o, value in given.items() if value not in (None, usual[o].default)})
    return drawn(name, drawing, continuous=continuous, **options)


def _shared_options(off_the_grid: bool) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(arranged, include_extras=True)
    parameters = inspect.signature(arranged).parameters
    found = {name: p.replace(annotation=hints[name]) for name, p in parameters.items() if name not in ("name", "grid")}
    if off_the_grid:
        found[CONTINUOUS] = inspect.Parameter(
            CONTINUOUS, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ContinuousOption
        )
    return found
