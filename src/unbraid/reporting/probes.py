"""Label-efficiency curves of a run, as a file beside it and as a figure."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from unbraid.evaluation.probing import Probe
from unbraid.figures.over_runs import label_curves


def probe_path(folder: Path, data: str, target: str) -> Path:
    """Where the curves of a run are written by default."""
    words = [re.sub(r"[^\w.-]+", "_", word).strip("_.") for word in (data, target)]
    return folder / f"probe-{'-'.join(words)}.json"


def probe_figure(probe: Probe) -> Figure:
    """Accuracy by the number of labels, without a penalty and with one, one line per kind of codes."""
    plots = {}
    for penalty in probe.found.penalties:
        title = f"{probe.data}, {probe.target}: " + (f"L2 penalty {penalty:g}" if penalty else "no penalty")
        plots[title] = {one.codes: one.accuracy for one in probe.found.curves if one.penalty == penalty}
    return label_curves(probe.found.label_counts, plots, chance=probe.found.chance)
