"""A comparison as one HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from unbraid.figures.heatmaps import natural_width, score_grid
from unbraid.figures.over_options import agreement, lines_over_option
from unbraid.figures.over_runs import seeds
from unbraid.figures.style import svg
from unbraid.reporting.templates import render_template
from unbraid.sweep.compare.comparison import Comparison
from unbraid.sweep.compare.gather import differing
from unbraid.sweep.compare.quantities import Quantity
from unbraid.sweep.compare.writing import Rows, headline, main_table, notes_of, tables

SHOWN = 6
"""At most so many quantities are drawn in the strip plots, and so many pairs of them against each other."""
MOST_ROWS = 16
"""Of more configurations only two quantities are drawn in the strip plots."""
MOST_KINDS = 8
"""Of more configurations, points are colored by model."""


@dataclass(frozen=True)
class Plot:
    """A figure of the page."""

    title: str
    svg: Markup
    width: int
    caption: str


@dataclass(frozen=True)
class _Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def render(found: Comparison) -> str:
    """The page as text."""
    data = list(dict.fromkeys(result.data for one in found.configurations for result in one.results))
    made = tables(found)
    return render_template(
        "compare.html.jinja",
        "unbraid.sweep.compare",
        title=f"{len(found.configurations)} configurations on {', '.join(data)}",
        n_runs=found.n_runs,
        headline=headline(found),
        means=_table(main_table(found)),
        others=[(title, _table(rows)) for title, rows in made if title != "Means over seeds"],
        plots=plots(found),
        notes=notes_of(found),
    )


def _table(rows: Rows) -> _Table:
    return _Table(rows[0], rows[1:])


def plots(found: Comparison) -> list[Plot]:
    """Strip plots of every seed, lines over one option, a heat map over two, scores in pairs."""
    made = [_strips(found), *_over_options(found), *_agreements(found)]
    return [one for one in made if one is not None]


def _plot(figure: Figure, prefix: str, title: str, caption: str) -> Plot:
    # safe: matplotlib escapes the text of figures, and `svg` that of attributes
    return Plot(title, Markup(svg(figure, prefix=prefix, alt=title)), natural_width(figure), caption)


def _strips(found: Comparison) -> Plot | None:
    most = SHOWN if len(found.configurations) <= MOST_ROWS else 2
    shown = [found.leading, *(one for one in found.quantities if one.key != found.leading.key)][:most]
    scores = {
        what.name: {found.name(one): [what.of(result) for result in one.results] for one in found.configurations}
        for what in shown
    }
    if not any(math.isfinite(value) for own in scores.values() for values in own.values() for value in values):
        return None
    references = {
        what.name: {name: own[what.key] for name, own in _few(found.nulls) if math.isfinite(own.get(what.key, math.nan))}
        for what in shown
    }
    figure = seeds(scores, references=references, limits={what.name: what.limits for what in shown})
    return _plot(figure, "strips", "Every run", "Dots are seeds, bars means, lines 95 % t intervals of the means.")


def _few(nulls: object) -> list[tuple[str, dict[str, float]]]:
    assert isinstance(nulls, dict)
    return [(name.partition(",")[0], dict(own)) for name, own in list(nulls.items())[:2]]


def numeric_options(found: Comparison) -> list[str]:
    """Settings that are numbers and in which configurations of one model differ.

    What differs between models alone is another default.
    """
    settings = [one.settings for one in found.configurations]
    of_models = [[one for one in settings if one.get("model") == model] for model in _models(found)]
    return [
        name
        for name in dict.fromkeys(name for own in of_models for name in differing(own))
        if all(isinstance(one[name], (int, float)) and not isinstance(one[name], bool) for one in settings if name in one)
    ]


def _over_options(found: Comparison) -> list[Plot]:
    options = numeric_options(found)
    lead = found.leading
    made = []
    for i, option in enumerate(options[:4]):
        by_seed: dict[str, dict[float, dict[int, list[float]]]] = {}
        for one in found.configurations:
            if option in one.settings:
                at = by_seed.setdefault(str(one.settings.get("model")), {}).setdefault(float(one.settings[option]), {})
                for result in one.results:
                    at.setdefault(result.seed, []).append(lead.of(result))
        own = {
            kind: {value: [_mean(runs) for runs in seeds.values()] for value, seeds in values.items()}
            for kind, values in by_seed.items()
        }
        figure = lines_over_option(own, option, title=lead.name, limits=lead.limits)
        others = [name for name in options if name != option]
        rest = f" A dot is the mean of a seed over all values of {', '.join(others)}." if others else ""
        made.append(_plot(figure, f"line{i}", f"{lead.name} over {option}", f"Means over seeds, with 95 % t intervals.{rest}"))
    made += [_grid(found, options[0], options[1], model) for model in _models(found)] if len(options) > 1 else []
    return made


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _models(found: Comparison) -> list[str]:
    return list(dict.fromkeys(str(one.settings.get("model")) for one in found.configurations))


def _grid(found: Comparison, across: str, up: str, model: str) -> Plot:
    own = [one for one in found.configurations if one.settings.get("model") == model and {across, up} <= one.settings.keys()]
    x = sorted({float(one.settings[across]) for one in own})
    y = sorted({float(one.settings[up]) for one in own})
    cells: dict[tuple[int, int], list[float]] = {}
    for one in own:
        place = (y.index(float(one.settings[up])), x.index(float(one.settings[across])))
        cells.setdefault(place, []).extend(found.leading.of(result) for result in one.results)
    scores, counts = np.full((len(y), len(x)), np.nan), np.zeros((len(y), len(x)), dtype=np.int64)
    for place, values in cells.items():
        scores[place], counts[place] = _mean(values), sum(map(math.isfinite, values))
    title = f"{found.leading.name} of {model} over {across} and {up}"
    figure = score_grid(scores, x, y, names=(across, up), title=found.leading.name, runs=counts)
    return _plot(figure, f"grid{_models(found).index(model)}", title, "Means over all runs of a cell.")


def _agreements(found: Comparison) -> list[Plot]:
    results = [(one, result) for one in found.configurations for result in one.results]
    by_model = len(found.configurations) > MOST_KINDS
    kinds = [str(one.settings.get("model")) if by_model else one.label for one, _ in results]

    def values(what: Quantity) -> np.ndarray:
        return np.array([what.of(result) for _, result in results])

    others = [what for what in found.quantities if what.key != found.leading.key][:SHOWN]
    return [
        _plot(
            agreement(values(what), values(found.leading), kinds, names=(what.name, found.leading.name)),
            f"against{i}",
            f"{found.leading.name} against {what.name}",
            "Dots are runs.",
        )
        for i, what in enumerate(others)
        if len(results) > 2
    ]
