"""What choosing a run without labels gives away: scores without labels of trained runs, beside what labels say of them.

python benchmarks/label_free.py FOLDER [--pipe] [--only ellipses] [--target mig]

Takes all scored run folders below FOLDER. Runs on the same images with the same image size are one group. For each score
without labels: the rank correlation with the target over the runs of a group, the target of the run that it chooses, and the
regret. UDR is among all runs of the group (by ranks, from 1,000 images). Keeps benchmarks/results/label_free.json, former rows
of other groups with it, which docs/source/without_labels.py makes a table of.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from racing import RESULTS, keep
from scipy.stats import spearmanr

from unbraid import api
from unbraid.codes import CodeTable
from unbraid.errors import UnbraidError
from unbraid.evaluation.without_labels import decoder_scores, informative, pipe
from unbraid.metrics import udr
from unbraid.sweep.compare.quantities import LOSSES, WITHOUT_LABELS, node_of, number
from unbraid.sweep.runs import result_of_run

IMAGES = 1_000
SEEN = 10_000
"""Images that the classifier of PIPE learns from; by default 50,000."""
CPU = torch.device("cpu")


def measured(folder: Path, target: str, with_pipe: bool, only: str) -> dict[str, Any] | None:
    """The scores of a run; None for one that is not scored by the target, or of other data."""
    result = result_of_run(folder)
    wanted = number(node_of(result.metrics, target).get("score"))
    if not np.isfinite(wanted) or only not in result.data:
        return None
    view = api.view_of(folder, device="cpu")
    table = CodeTable.load(folder / "codes.npz")
    found: dict[str, Any] = dict(result.without_labels)
    found |= decoder_scores(view.model.vae, table, device=CPU)
    if with_pipe and "pipe" not in found:
        found["pipe"] = pipe(view.model.vae, table, seed=0, seen=SEEN, device=CPU)
    found |= {one.key: one.of(result) for one in LOSSES if one.key in ("nll", "bound")}
    e = view.experiment
    group = f"{e.data_name}, {e.image_shape[1]} pixels"
    name = " ".join([e.model, *(f"{k}={v}" for k, v in e.model_options.items() if k in ("beta", "gamma", "capacity"))])
    codes = table.mean[:: max(1, len(table) // IMAGES)][:IMAGES][:, informative(table)]
    return {"group": group, "run": name, "seed": e.seed, "target": wanted, "codes": codes, "index": table.index, **found}


def table_of(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per score without labels, of one group."""
    target = np.array([run["target"] for run in runs])
    same = [run for run in runs if np.array_equal(run["index"], runs[0]["index"]) and run["codes"].shape[1]]
    for run, score in zip(same, udr([run["codes"] for run in same]) if len(same) > 1 else (), strict=False):
        run["udr"] = float(score)
    rules = [
        ("udr", "UDR, all to all", 1.0),
        *(
            (one.key, one.name, 1.0 if one.higher_is_better else -1.0)
            for one in (*WITHOUT_LABELS, *(one for one in LOSSES if one.key in ("nll", "bound")))
        ),
    ]
    rows = []
    for key, name, sign in rules:
        values = np.array([sign * number(run.get(key)) for run in runs])
        there = np.isfinite(values)
        if there.sum() < 3:
            continue
        chosen = int(np.flatnonzero(there)[values[there].argmax()])
        rows.append({
            "group": runs[0]["group"], "runs": int(there.sum()), "rule": f"{'highest' if sign > 0 else 'lowest'} {name}",
            "correlation": float(spearmanr(values[there], target[there]).statistic), "chosen": float(target[chosen]),
            "best": float(target.max()), "mean": float(target.mean()), "regret": float(target.max() - target[chosen]),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pipe", action="store_true", help="train classifiers for PIPE as well, which see 10,000 images")
    parser.add_argument("--only", default="", help="part of the names of data sets to take")
    parser.add_argument("--target", default="mig")
    given = parser.parse_args()
    torch.set_num_threads(1)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(given.folder.rglob("metrics.json")):
        try:
            found = measured(path.parent, given.target, given.pipe, given.only)
        except UnbraidError as error:
            print(f"left out: {path.parent}: {error}")
            continue
        if found is not None:
            print(json.dumps({k: v for k, v in found.items() if k not in ("codes", "index")}), flush=True)
            groups.setdefault(found["group"], []).append(found)
    rows = [row for runs in groups.values() if len(runs) > 2 for row in table_of(runs)]
    for row in rows:
        print(
            f"{row['group']:24}{row['rule']:52}{row['runs']:4}{row['correlation']:7.2f}{row['chosen']:7.3f}{row['regret']:7.3f}"
        )
    page = RESULTS / "label_free.json"
    kept = json.loads(page.read_text())["rows"] if page.is_file() else []
    rows = [*(row for row in kept if row["group"] not in {own["group"] for own in rows}), *rows]
    keep("label_free", {"target": given.target, "rows": rows})


if __name__ == "__main__":
    main()
