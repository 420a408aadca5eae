"""Choosing a run without labels: UDR from codes that the ledger keeps, and what a choice gives away."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from unbraid.metrics.between_models import LEAST_KL, udr
from unbraid.phrases import counted
from unbraid.reporting.view import RunView
from unbraid.studies.blocks import Block, Prose, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.evidence import Evidence
from unbraid.studies.measures import Measure, Run, kept
from unbraid.studies.results import Results
from unbraid.sweep.compare.selection import ANY, BEST, choose_by
from unbraid.sweep.compare.writing import MISSING, decimal

IMAGES = 1_000
"""Images whose codes the ledger keeps, the same for all runs on the same data."""
STEP = 0.1
"""Codes are kept in steps of this many standard deviations: ranks do not see it, and 1,000 codes take under a kilobyte."""


def packed(codes: Float[np.ndarray, "n d"]) -> dict[str, Any]:
    """Standardized codes, rounded to steps, as text."""
    center, spread = codes.mean(0), codes.std(0)
    steps = np.divide(codes - center, STEP * spread, out=np.zeros_like(codes), where=spread > 0)
    whole = np.clip(np.rint(steps), -127, 127).astype(np.int8)
    text = base64.b64encode(zlib.compress(np.ascontiguousarray(whole.T).tobytes(), 9)).decode("ascii")
    return {"images": len(codes), "latents": codes.shape[1], "steps": text}


def unpacked(content: Mapping[str, Any]) -> Float64[np.ndarray, "n d"]:
    """What `packed` made of codes: standardized ones.

    A constant where there was no latent, which tells as little.
    """
    if not content["latents"]:
        return np.zeros((content["images"], 1))
    steps = np.frombuffer(zlib.decompress(base64.b64decode(content["steps"])), np.int8)
    return steps.reshape(content["latents"], content["images"]).T * STEP


def _codes(view: RunView) -> dict[str, Any]:
    from unbraid.evaluation.encoding import choose_images

    codes = view.encoded(choose_images(view.dataset, IMAGES))
    kl = view.table.kl
    informative = kl > LEAST_KL if len(kl) else np.ptp(codes, axis=0) > 0
    return packed(codes[:, informative])


CODES = Evidence("codes", _codes)
"""Posterior means of 1,000 images, of latents with a mean KL above 0.01 nats, in steps of 0.1 standard deviations."""


def with_udr(runs: Mapping[str, Sequence[Run]]) -> dict[str, list[Run]]:
    """Runs with their UDR, from the codes that the ledger keeps.

    "spearman" and "lasso" among the runs of their arm, which differ in their seed alone, as published; "all", by ranks, among
    all runs on the same data, whatever their model. Left out where there is no other run, or no code.
    """
    codes = {
        (name, place): unpacked(run.evidence["codes"])
        for name, own in runs.items()
        for place, run in enumerate(own)
        if run.evidence.get("codes")
    }
    data = {where: (*codes[where].shape[:1], _data_of(runs[where[0]][where[1]])) for where in codes}
    arms = {where: (*data[where], where[0]) for where in codes}
    found: dict[tuple[str, int], dict[str, float]] = {where: {} for where in codes}
    for key, together in (("spearman", arms), ("lasso", arms), ("all", data)):
        for kind in dict.fromkeys(together.values()):
            group = [where for where in codes if together[where] == kind]
            if len(group) > 1:
                scores = udr([codes[where] for where in group], definition="lasso" if key == "lasso" else "spearman")
                for where, score in zip(group, scores, strict=True):
                    found[where][key] = float(score)
    return {
        name: [replace(run, evidence={**run.evidence, "udr": found.get((name, i), {})}) for i, run in enumerate(own)]
        for name, own in runs.items()
    }


def _data_of(run: Run) -> str:
    content = run.result.configuration
    return json.dumps([content["data"], content["data_options"], content.get("data_digest")], sort_keys=True)


def _udr(key: str, name: str) -> Measure:
    return kept(f"udr.{key}", name, f"udr.{key}", higher_is_better=True, limits=(0.0, 1.0))


UDR = _udr("spearman", "UDR")
"""Among the runs of its arm, by ranks."""
UDR_LASSO = _udr("lasso", "UDR (Lasso)")
"""Among the runs of its arm, by the Lasso."""
UDR_ALL = _udr("all", "UDR, all to all")
"""Among all runs on the same data, by ranks."""


@dataclass(frozen=True, eq=False)
class Regrets:
    """What choosing a run by each rule would have given, and what it gives away.

    Args:
        title: of the table.
        arms: whose runs are chosen from.
        targets: columns: scores that a choice is judged by.
        rules: rows: measures by which a run is chosen, the best of them.
    """

    title: str
    arms: Sequence[Arm]
    targets: Sequence[Measure]
    rules: Sequence[Measure]

    def blocks(self, results: Results) -> Iterator[Block]:
        """The table; a sentence where there are too few runs to choose from."""
        runs = {(arm.name, run.result.seed): run for arm in self.arms for run in results.of(arm)}
        if len(runs) < 2:
            yield Prose(self.title, [f"There is nothing to choose: {counted(len(runs), 'run')}."])
            return
        ways = {
            f"{'lowest' if rule.higher_is_better is False else 'highest'} {rule.name}": {
                where: (-1.0 if rule.higher_is_better is False else 1.0) * rule.of(run) for where, run in runs.items()
            }
            for rule in self.rules
        }
        cells: dict[str, list[str]] = {name: [] for name in (BEST, *ways, ANY)}
        for target in self.targets:
            sign = -1.0 if target.higher_is_better is False else 1.0
            chosen = choose_by({where: target.of(run) for where, run in runs.items()}, ways, sign=sign)
            told = {one.rule: one for one in chosen}
            for name, own in cells.items():
                found = told.get(name)
                if found is None:
                    own.append(MISSING if any(map(math.isfinite, ways.get(name, {}).values())) else "too few runs")
                    continue
                text = decimal(found.target)
                if name not in (BEST, ANY):
                    beyond = sign * (found.target - told[ANY].target)
                    text += f" ({decimal(-found.regret)}, {'+' if beyond > 0 else ''}{decimal(beyond)})"
                own.append(text)
        note = (
            "Each rule chooses one of the runs that have its number. In brackets: its score less that of the best of all "
            f"{len(runs)} runs (the regret), and less the mean of all. A single choice has no interval: with other seeds it "
            "may be a better one."
        )
        among = {name: sum(map(math.isfinite, own.values())) for name, own in ways.items()}
        rows = [[name, str(among.get(name, len(runs))), *own] for name, own in cells.items()]
        yield Table(self.title, ["chosen by", "of runs", *(one.name for one in self.targets)], rows, note)
