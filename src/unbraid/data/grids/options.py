"""Data sets that are full factor grids: the options that all of them share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import numpy as np
from jaxtyping import Int, Int16

from unbraid.data.dataset import Dataset, TestShare, hold_out
from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.color import Color, colored
from unbraid.data.grids.order import Order, presentation
from unbraid.data.grids.selection import pair_weights, parse_selection
from unbraid.data.storage import ImageStore, Selected
from unbraid.errors import UsageError
from unbraid.options import Option

HUES = 8
"""Number of hues unless told otherwise."""
_SOME = 1 << 16
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
    unseen: Annotated[
        str | None,
        Option(
            'combinations that training never shows: "scale=0 x=0..7"; they become the test split, whatever --test-share; '
            "indices are those of the whole grid"
        ),
    ] = None,
    correlate: Annotated[
        str | None,
        Option(
            'draw two factors together in training: "x,y,0.2" draws with probability ~ exp(-(a-b)^2 / (2 0.2^2)) for values '
            "a, b scaled to 0..1, with replacement; scores still count every image once"
        ),
    ] = None,
) -> Dataset:
    """A data set made of a grid, colored, cut, split and weighted as asked.

    Indices in `only` and `unseen` are those of the whole grid; a factor of which one value is kept is no factor any more.
    The test split is a fixed pseudo-random share, or the unseen combinations alone. Metrics and losses are averages over
    images, each counted once, whatever `correlate` says about training.

    Raises `UnknownName` for a factor that does not exist and `UsageError` for values that do not exist, for a selection that
    keeps or trains on nothing, and for an order of presentation together with `correlate`.
    """
    if hues is not None and color != "factor":
        raise UsageError(f"--hues {hues} is for --color factor, and --color is {color}; give both or neither.")
    images, whole = colored(grid.images, grid.space, color, hues or HUES)
    kept, rows = whole.subgrid(**(parse_selection(only, whole, "--only") if only is not None else {}))
    space = kept if only is None else _varying(kept, only)
    return Dataset(
        name,
        images if only is None else Selected(images, rows),
        hold_out(len(space), test_share) if unseen is None else _unseen(unseen, whole, rows),
        space,
        _codes(space),
        walk=presentation(space, order),
        redistributable=grid.redistributable,
        weights=None if correlate is None else pair_weights(correlate, kept),
        notes=grid.notes,
    )


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


def factor_grid(make: Callable[..., Grid]) -> Callable[..., Dataset]:
    """Make a data set of a function that returns a `Grid`: its own options, and those of every grid.

    The data set has the function's name. Options of every grid are those of `arranged`: order, test_share, color, hues, only,
    unseen, correlate.
    """
    own, shared = inspect.signature(make).parameters, _shared_options()

    @wraps(make)
    def factory(**options: Any) -> Dataset:
        mine = {name: value for name, value in options.items() if name not in shared}
        others = {name: value for name, value in options.items() if name in shared}
        return arranged(make.__name__, make(**mine), **others)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own.values(), *shared.values())]
    factory.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    factory.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Dataset}
    return factory


def _shared_options() -> dict[str, inspect.Parameter]:
    hints = get_type_hints(arranged, include_extras=True)
    parameters = inspect.signature(arranged).parameters
    return {name: p.replace(annotation=hints[name]) for name, p in parameters.items() if name not in ("name", "grid")}
