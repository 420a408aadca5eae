"""Data sets that are drawn image by image, for any values of their factors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float, Int, Real

from unbraid.data.dataset import Dataset, hold_out
from unbraid.data.factor_space import FactorSpace
from unbraid.data.grids.selection import Box, parse_box, parse_boxes
from unbraid.data.joint import Independent, Joint, Without, first_rows, parse_joint
from unbraid.data.storage import ImageStore
from unbraid.errors import UnknownName, UsageError
from unbraid.options import Option

DRAWN = 50_000
"""Number of images that are drawn unless told otherwise."""
EVERY = "all"
ContinuousOption = Annotated[
    str | None,
    Option(f'factors that take every value of their range, in place of a grid: "x,y", or {EVERY}; others keep their values'),
]
HolesOption = Annotated[
    str | None,
    Option('combinations that never occur, neither in training nor in tests: "shape=heart x=0..3; scale=0 y=8..15"'),
]
UnseenOption = Annotated[
    str | None,
    Option(
        'combinations that training never shows: "scale=0 x=0..7"; they become the test split, whatever --test-share; '
        "indices are those of the whole grid"
    ),
]
JointOption = Annotated[
    str | None,
    Option(
        'draw the factors of images from this joint distribution: FILE.csv with a column per factor and "probability", the '
        'same rows as text, "x=0..7 y=0..7 3; x=8..15 y=8..15 1", two factors and their correlation, "x,y,0.8", or a function '
        "of n and rng, MODULE:NAME"
    ),
]


@dataclass(frozen=True, eq=False)
class Drawing:
    """How images are drawn for any values of their factors.

    Args:
        space: the factors, with the values that they have on a grid.
        ranges: ends of the range of each factor that can be continuous.
        draw: images of rows of values, in the units of the factors.
        redistributable: whether pages and reports may embed images.
        usual: how many images there are unless told otherwise.
        notes: what to beware of, a sentence each.
    """

    space: FactorSpace
    ranges: Mapping[str, tuple[float, float]]
    draw: Callable[[Float[np.ndarray, "n factor"]], ImageStore]
    redistributable: bool = True
    usual: int = DRAWN
    notes: tuple[str, ...] = ()

    def continuous(self, names: str) -> FactorSpace:
        """The factors, those of the given names continuous. Raises `UnknownName` for a factor that cannot be."""
        chosen = list(self.ranges) if names == EVERY else [name.strip() for name in names.split(",")]
        for name in chosen:
            if name not in self.ranges:
                raise UnknownName("factor", name, tuple(self.ranges), where="--continuous")
        return FactorSpace(tuple(f.over(*self.ranges[f.name]) if f.name in chosen else f for f in self.space.factors))


def drawn(
    name: str,
    drawing: Drawing,
    *,
    continuous: str | None = None,
    joint: str | Joint | None = None,
    holes: str | None = None,
    unseen: str | None = None,
    images: int | None = None,
    test_share: float = 0.1,
) -> Dataset:
    """A data set of images whose factors are drawn from a joint distribution, some of them continuous.

    Args:
        name: of the data set.
        drawing: what draws it.
        continuous: names of the continuous factors, with commas between, or "all".
        joint: the distribution, or a text as `parse_joint` reads it; independent and uniform unless given. A `Joint` is of the
            factors `drawing.continuous(continuous)`.
        holes: combinations that never occur, as `parse_boxes` reads them.
        unseen: combinations that are the test split, in place of a share of the images.
        images: how many; fewer are the first of many.
        test_share: share of the images held out.

    Raises `UnknownName` and `UsageError` for texts that do not fit the factors, and as `first_rows` does.
    """
    space = drawing.space if continuous is None else drawing.continuous(continuous)
    gaps = () if holes is None else parse_boxes(holes, space, "--holes")
    source = joint_of(joint, gaps, space)
    codes = first_rows(source, images or drawing.usual)
    test = hold_out(len(codes), test_share) if unseen is None else unseen_rows(unseen, codes, space)
    return Dataset(
        name,
        drawing.draw(space.values(codes)),
        test,
        space,
        codes.astype(np.int16) if space.is_grid else codes,
        redistributable=drawing.redistributable,
        notes=(*drawing.notes, *notes_on(source, space, holes)),
    )


def joint_of(given: str | Joint | None, holes: tuple[Box, ...], space: FactorSpace) -> Joint:
    """The distribution that options stand for."""
    joint = Independent(space) if given is None else parse_joint(given, space) if isinstance(given, str) else given
    return Without(joint, holes, space) if holes else joint


def notes_on(joint: Joint, space: FactorSpace, holes: str | None) -> tuple[str, ...]:
    """What a data set says of its factors: which are continuous, their distribution, what never occurs."""
    said = [f"The factors of each image were drawn by a fixed seed: {joint.description}."]
    if holes:
        said.append(f"These combinations never occur: {holes}.")
    if space.continuous:
        said.append(
            f"Continuous factors: {', '.join(space.continuous)}. Metrics that compare images with one value of a factor leave "
            "these out."
        )
    return tuple(said)


def unseen_rows(text: str, codes: Real[np.ndarray, "n factor"], space: FactorSpace) -> Int[np.ndarray, "_"]:
    """Indices of the images that `--unseen` leaves out of training.

    Raises `UsageError` where they are none or all.
    """
    found = np.flatnonzero(parse_box(text, space, "--unseen").holds(codes, space))
    if len(found) in (0, len(codes)):
        matched = "all" if len(found) else "none"
        raise UsageError(f"--unseen {text!r} matches {matched} of the {len(codes)} images; give combinations that some have.")
    return found
