"""Which latents stand for which factor, by a strong and a weak threshold, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from unbraid.errors import UsageError
from unbraid.figures.style import FAINT, GRID, INK, drawing, drawing_of, width_of

STRONG, WEAK = 0.30, 0.15
"""Shares of a factor's entropy from which a latent is assigned to it, and from which in brackets."""
PADDING, LINE, MARGIN = 14, 30, 14
BOLD = 1.15
"""How much wider bold text is, at most."""


@dataclass(frozen=True)
class Assigned:
    """The latents that stand for a factor, the one that knows most first; `weak` in brackets."""

    factor: str
    strong: tuple[int, ...]
    weak: tuple[int, ...]

    @property
    def words(self) -> str:
        """As in "z3, z7 (z1)"; a dash for none."""
        return " ".join(part for part in self.parts if part) or "–"

    @property
    def parts(self) -> tuple[str, str]:
        """The strong and the weak latents in words, the latter in brackets; empty for none."""
        strong, weak = (", ".join(f"z{j}" for j in own) for own in (self.strong, self.weak))
        return strong, f"({weak})" if weak else ""


def assignments(
    shares: Float[np.ndarray, "d k"], factors: Sequence[str], *, strong: float = STRONG, weak: float = WEAK
) -> list[Assigned]:
    """For each factor the latents that know at least `strong` or at least `weak` of its entropy.

    Args:
        shares: I(z_j; v_k) / H(v_k), 0 for latents that do not count, such as dead ones.

    Raises `UsageError` for a strong threshold below the weak one.

    >>> shares = np.array([[0.9, 0.0], [0.0, 0.4], [0.0, 0.2]])  # of 3 latents in 2 factors
    >>> [found.words for found in unbraid.figures.assignments(shares, ["x", "scale"])]
    ['z0', 'z1 (z2)']
    """
    if not 0 < weak <= strong:
        raise UsageError(
            f"The thresholds are {strong:g} (strong) and {weak:g} (weak); allowed: above 0, the strong one no lower."
        )
    found = []
    for name, column in zip(factors, np.nan_to_num(shares).T, strict=True):
        order = [int(j) for j in np.argsort(-column, kind="stable")]
        known = [j for j in order if column[j] >= weak]
        found.append(Assigned(name, *(tuple(j for j in known if (column[j] >= strong) == own) for own in (True, False))))
    return found


def assignment_table(assigned: Mapping[str, Sequence[Assigned]]) -> Figure:
    """A table of the latents that stand for each factor, one row per model; weak ones in brackets.

    Args:
        assigned: for each model what `assignments` gives; all of the same factors.

    >>> shares = np.array([[0.9, 0.0], [0.0, 0.4], [0.0, 0.2]])
    >>> found = unbraid.figures.assignments(shares, ["x", "scale"])
    >>> figure = unbraid.figures.assignment_table({"beta_vae": found})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['model', 'x', 'scale', 'beta_vae', 'z0', '', 'z1', '(z2)']
    """
    models = list(assigned)
    factors = [one.factor for one in assigned[models[0]]]
    columns = [["model", *models]]
    columns += [[factor.replace("_", " "), *(assigned[model][k].words for model in models)] for k, factor in enumerate(factors)]
    widths = [max(width_of(text) * BOLD for text in column) + PADDING for column in columns]
    width, height = sum(widths) + 2 * MARGIN, LINE * (1 + len(models)) + 2 * MARGIN
    with drawing():
        figure = drawing_of(width, height)
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set_xlim(0, width)
        ax.set_ylim(height, 0)
        ax.set_axis_off()
        starts = np.cumsum([MARGIN, *widths])
        for start, column in zip(starts, columns, strict=False):
            ax.text(start, MARGIN + LINE / 2, column[0], va="center", color=FAINT)
        for i, model in enumerate(models):
            middle = MARGIN + LINE * (i + 1.5)
            ax.axhline(MARGIN + LINE * (i + 1), color=GRID if i else INK, linewidth=0.8 if i else 1.2)
            ax.text(starts[0], middle, model, va="center", color=INK)
            for start, one in zip(starts[1:], assigned[model], strict=False):
                strong, weak = one.parts
                after = start + (BOLD * width_of(f"{strong} ") if strong else 0)
                ax.text(start, middle, strong, va="center", color=INK, fontweight="bold")
                ax.text(after, middle, weak or ("" if strong else "–"), va="center", color=FAINT)
        return figure
