"""The published weights of Dubois et al. (2019), scored anew, and what their evaluator makes of them.

`measure` makes the numbers of one model, `python docs/source/dubois2019.py` those of all, as the file `dubois2019.json` of a
ledger. The parts below show them on the page of a study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from unbraid.files import read_json
from unbraid.metrics.aam import aam_from_information
from unbraid.metrics.information.definitions import mutual_information
from unbraid.metrics.information.stratified import AS_RUN, NONE, Faults, stratified_informations
from unbraid.metrics.information.types import Information
from unbraid.metrics.mig import mig_from_information
from unbraid.metrics.posterior_statistics import active_units, dimension_wise_kl, kl_per_dim
from unbraid.studies.blocks import Block, Prose, Table
from unbraid.studies.results import Results, clone_ledger
from unbraid.sweep.compare.writing import MISSING, decimal

if TYPE_CHECKING:
    from unbraid.data.dataset import Dataset
    from unbraid.model import Model

FILE = "dubois2019.json"
COMMAND = "python docs/source/dubois2019.py FOLDER, with the authors' files model.pt in FOLDER/VAE_dsprites and so on"
BATCHES = 738
"""Of 1,000 images each: what their evaluator divides the losses of the first one by."""
FIRST = 1_000

NAMES: Mapping[str, str] = {
    "VAE_dsprites": "VAE",
    "betaH_dsprites": "β-VAE₁, β 4",
    "betaB_dsprites": "β-VAE₂",
    "factor_dsprites": "FactorVAE",
    "btcvae_dsprites": "β-TCVAE",
    "btcvae_dsprites_a-5": "β-TCVAE, α −5",
    "btcvae_dsprites_a0": "β-TCVAE, α 0",
    "btcvae_dsprites_a5": "β-TCVAE, α 5",
}
TABLE_1: Mapping[str, Mapping[str, str]] = {
    "VAE": {"aam": "0.20", "mmig": "7.0e-4", "kl": "0.025", "nll": "−0.001", "var_kl_per_dim": "1.5e-5", "loss": "0.034"},
    "β-VAE₁, β 4": {
        "aam": "0.65", "mmig": "3.3e-2", "kl": "0.025", "nll": "−0.015", "var_kl_per_dim": "1.1e-6", "loss": "0.086"
    },
    "β-VAE₁, β 50": {
        "aam": "0.08", "mmig": "4.0e-4", "kl": "0.003", "nll": "−0.140", "var_kl_per_dim": "3.6e-7", "loss": "0.316"
    },
    "β-VAE₂": {"aam": "0.12", "mmig": "2.0e-4", "kl": "0.025", "nll": "−0.096", "var_kl_per_dim": "1.5e-5", "loss": "0.108"},
    "FactorVAE": {"aam": "0.87", "mmig": "3.3e-2", "kl": "0.028", "nll": "−0.036", "var_kl_per_dim": "5.7e-6", "loss": "0.064"},
}  # fmt: skip
"""The report's table in its words: AAM, MMIG, KL, Log Like., Var. Dim. KL and Total Loss."""
KL_WEIGHTS: Mapping[str, float | None] = {
    "VAE": 1, "β-VAE₁, β 4": 4, "β-VAE₁, β 50": 50, "β-VAE₂": None, "FactorVAE": 1
}  # fmt: skip
"""Of the KL in the Total Loss of each of these; None where it is held at 25 nats."""
LOGGED: Mapping[str, tuple[float, float]] = {
    "VAE_dsprites": (0.03087637159559462, 0.0054904380788001915),
    "betaH_dsprites": (0.018011734091492527, 0.01944651254793493),
    "betaB_dsprites": (0.03392556301623502, 0.046348442553181636),
    "factor_dsprites": (0.027338105488598833, 0.027490869124084306),
    "btcvae_dsprites": (0.015419516783096603, 0.03414613573854855),
    "btcvae_dsprites_a-5": (0.017559219505082622, 0.016231335275541475),
    "btcvae_dsprites_a0": (0.016761479985100143, 0.025640575543328676),
    "btcvae_dsprites_a5": (0.013198838324404667, 0.05098105123049521),
}
"""`kl_loss` and `recon_loss` in the `test_losses.log` that lies beside each model."""
FAULTS: Mapping[str, Faults] = {
    "no fault": NONE,
    "at means": Faults(at_means=True),
    "scrambled": Faults(scrambled=True),
    "as run": AS_RUN,
}
REPEATS = 5
"""How often the estimator is run, with draws of its own; the authors ran it once."""


def _stated(model: str, key: str) -> float:
    """A number of Table 1."""
    return float(TABLE_1[model][key].replace("−", "-"))


def first_batch(model: Model, data: Dataset, name: str) -> tuple[float, float]:
    """KL and reconstruction at the posterior mean, in nats per image, of the images that their log is of.

    Those are the first 1,000, all of them the smallest upright square, or half of these for FactorVAE.
    """
    images = data.images.bytes(np.arange(FIRST // 2 if name == "factor_dsprites" else FIRST))
    q = model.encode(images, distribution=True)
    output = np.clip(model.decode(q.mean).astype(np.float64), 1e-12, 1 - 1e-12)
    white = images > 0
    nll = -np.where(white, np.log(output), np.log1p(-output)).sum((1, 2, 3))
    return float(q.kl.astype(np.float64).sum(1).mean()), float(nll.mean())


def measure(
    name: str, model: Model, data: Dataset, mean: Float32[np.ndarray, "n d"], variance: Float32[np.ndarray, "n d"]
) -> dict[str, Any]:
    """The numbers of one published model, from its codes of all images.

    Args:
        name: what its authors call it.
        model: imported.
        data: all of dSprites, in its order.
        mean, variance: its codes.
    """
    assert data.factors is not None
    kl, nll = first_batch(model, data, name)
    factors = data.factors.astype(np.int64)
    wide, spread = mean.astype(np.float64), variance.astype(np.float64)
    per_dim, dimension_wise = kl_per_dim(wide, spread), dimension_wise_kl(wide, spread)
    found = mutual_information(wide, factors, variance=spread)
    published = stratified_informations(
        wide, spread, factors, faults=list(FAULTS.values()), rng=np.random.default_rng(0), repeats=REPEATS
    )
    return {
        "name": name,
        "images": len(mean),
        "first_batch": {"kl": kl, "nll": nll},
        "kl_per_dim": per_dim.tolist(),
        "dimension_wise_kl_per_dim": dimension_wise.tolist(),
        "active_units": int(active_units(wide).sum()),
        "unadjusted": _scores(mutual_information(wide, factors, variance=spread, definition="chen2018")),
        "quadrature": {**_scores(found), "shares": np.round(found.shares, 4).tolist()},
        "faults": {
            fault: {
                "aam": [_scores(own[place])["aam"] for own in published],
                "mmig": [_scores(own[place])["mmig"] for own in published],
                "information": np.round(published[0][place].estimate, 4).tolist(),
            }
            for place, fault in enumerate(FAULTS)
        },
    }


def _scores(found: Information) -> dict[str, float]:
    """AAM and MMIG, which is MIG since the factors of the whole grid are independent."""
    return {
        "aam": float(aam_from_information(found.matrix).mean()),
        "mmig": float(mig_from_information(found.matrix, found.entropies).mean()),
    }


def known() -> list[dict[str, Any]]:
    """The numbers of all models that the clone's ledger has; none where it has no such file."""
    ledger = clone_ledger()
    if ledger is None or not (ledger / FILE).is_file():
        return []
    rows: list[dict[str, Any]] = read_json(ledger / FILE, "scores of published weights")["rows"]
    return sorted(rows, key=lambda row: list(NAMES).index(row["name"]))


def _shown(title: str, table: Callable[[Sequence[Mapping[str, Any]]], Table]) -> Iterator[Block]:
    rows = known()
    yield table(rows) if rows else Prose(title, [f"Not measured here: {COMMAND}."])


@dataclass(frozen=True, eq=False)
class ReleasedTable:
    """Scores of the published weights on all images."""

    title: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """One row per model."""
        yield from _shown(self.title, self._table)

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        columns = ["published weights", "AAM", "report: AAM", "MMIG", "report: MMIG", "KL, nats"]
        columns += ["variance of the KL per latent", "variance of the dimension-wise KL", "report: Var. Dim. KL × 738²"]
        columns += ["active units"]
        made = []
        for row in rows:
            model = NAMES[row["name"]]
            theirs = model in TABLE_1
            made.append(
                [
                    model,
                    decimal(row["quadrature"]["aam"], 3),
                    decimal(_stated(model, "aam"), 2) if theirs else MISSING,
                    decimal(row["quadrature"]["mmig"], 3),
                    f"{_stated(model, 'mmig'):.1e}" if theirs else MISSING,
                    decimal(sum(row["kl_per_dim"]), 2),
                    decimal(float(np.var(row["kl_per_dim"])), 3),
                    decimal(float(np.var(row["dimension_wise_kl_per_dim"])), 4),
                    decimal(_stated(model, "var_kl_per_dim") * BATCHES**2, 3) if theirs else MISSING,
                    str(row["active_units"]),
                ]
            )
        note = f"On all {rows[0]['images']:,} images, by the definitions of this library. {ranking(rows)} Made by {COMMAND}."
        return Table(self.title, columns, made, note)


def order(values: Mapping[str, float]) -> str:
    """Models by falling values, as in "FactorVAE > VAE"."""
    return " > ".join(sorted(values, key=lambda model: -values[model]))


def _of_report(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The rows whose models stand in Table 1, by what it calls them."""
    return {model: row for row in rows if (model := NAMES[row["name"]]) in TABLE_1}


def ranking(rows: Sequence[Mapping[str, Any]]) -> str:
    """The models of Table 1 in the order of their AAM, in the report and measured."""
    own = {model: row["quadrature"]["aam"] for model, row in _of_report(rows).items()}
    theirs, ours = order({model: _stated(model, "aam") for model in own}), order(own)
    if theirs == ours:
        return f"By AAM the order is that of the report: {theirs}."
    return f"By AAM the report has {theirs}; measured it is {ours}."


def orders(rows: Sequence[Mapping[str, Any]]) -> str:
    """The order of the models of Table 1 by AAM, without faults and in each run of the evaluator."""
    shown = _of_report(rows)
    exact = order({model: row["unadjusted"]["aam"] for model, row in shown.items()})
    runs = [order({model: row["faults"]["as run"]["aam"][i] for model, row in shown.items()}) for i in range(REPEATS)]
    several = len(set(runs))
    return (
        f"Order by AAM without faults: {exact}. As run, {REPEATS} runs of the evaluator on the same models give "
        f"{several} different order{'s' if several != 1 else ''}, {sum(run == exact for run in runs)} of them this one."
    )


@dataclass(frozen=True, eq=False)
class FaultTable:
    """AAM and MMIG by the published estimator, with either fault, with both and with none."""

    title: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """One row per model and score."""
        yield from _shown(self.title, self._table)

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        columns = ["published weights", "score", "report", "default", "quadrature", *FAULTS]
        made = []
        for row in rows:
            model = NAMES[row["name"]]
            for score, digits in (("aam", 2), ("mmig", 3)):
                cells = [self._cell(row["faults"][fault][score], digits) for fault in FAULTS]
                report = f"{_stated(model, score):.2g}" if model in TABLE_1 else MISSING
                ours = [decimal(row[key][score], digits) for key in ("quadrature", "unadjusted")]
                made.append([model, score.upper(), report, *ours, *cells])
        note = (
            "'Default' is the score of this library, for which a latent that knows less than a hundredth of a factor knows "
            "nothing. 'Quadrature' is the report's formula without that, exact; 'no fault' the same by the report's estimator. "
            "Means and standard deviations of five runs of it with draws of their own. 'As run' has both faults: "
            "draws are means, and a table of 10,000 images by 10 latents is read as 10 by 10,000 without being transposed, so "
            "that the density of a latent is taken at values of all latents. Where a latent knows a factor its density given "
            "the factor is narrow, the values of other latents lie far outside, and its information comes out far below 0, "
            "which counts as 0. What is left are latents that know nothing, and the noise of their estimates. Posteriors as "
            "narrow as those of β-VAE₂ are widened for the estimator, which takes off a part of its bias: there "
            "'no fault' and 'quadrature' differ. "
        ) + orders(rows)
        return Table(self.title, columns, made, note)

    @staticmethod
    def _cell(values: Sequence[float], digits: int) -> str:
        return f"{decimal(float(np.mean(values)), digits)} ± {decimal(float(np.std(values, ddof=1)), digits)}"


@dataclass(frozen=True, eq=False)
class FirstBatchTable:
    """Losses of the first batch, beside the logs that lie with the published weights."""

    title: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """One row per model."""
        yield from _shown(self.title, self._table)

    def _table(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        columns = ["published weights", "KL, nats", "log × 738", "reconstruction, nats", "log × 738 ", "KL of all images, nats"]
        made = []
        for row in rows:
            kl, nll = LOGGED[row["name"]]
            own = row["first_batch"]
            made.append(
                [
                    NAMES[row["name"]],
                    decimal(own["kl"], 4),
                    decimal(BATCHES * kl, 4),
                    decimal(own["nll"], 4),
                    decimal(BATCHES * nll, 4),
                    decimal(sum(row["kl_per_dim"]), 2),
                ]
            )
        note = (
            "The evaluator of the report's code returns after the first of 738 batches and divides by 738. So its averages are "
            "the losses of 1,000 images (500 for FactorVAE) over 738, and dSprites begins with 1,000 smallest upright squares, "
            "which are easy. Left of each pair: those images in the imported model, decoded from the mean. Right: the log that "
            "the authors published with the weights, times 738. Table 1 is of the same scale: its KL of 0.025 would be "
            f"{0.025 * BATCHES:.1f} nats, its Log Like. of −0.001 a reconstruction of {0.001 * BATCHES:.1f} nats."
        )
        return Table(self.title, columns, made, note)


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """The KL that a row's Total Loss and Log Like. imply, beside the KL that it states."""

    title: str

    def blocks(self, results: Results) -> Iterator[Block]:
        """One row per model of the report."""
        rows = []
        for model, weight in KL_WEIGHTS.items():
            stated, likelihood, total = (_stated(model, key) for key in ("kl", "nll", "loss"))
            if weight is None:
                low = high = 25 / BATCHES
            else:
                low, high = ((total + likelihood + sign * 0.001) / weight for sign in (-1, 1))
            fits = low - 0.0005 <= stated <= high + 0.0005
            implied = f"{low:.4f}" if low == high else f"{low:.4f} to {high:.4f}"
            rows.append([model, f"{stated:.3f}", implied, decimal(BATCHES * stated, 1), "yes" if fits else "no"])
        note = (
            "Total Loss is the reconstruction plus the weighted KL (for FactorVAE plus γ TC, taken as 0), so a row says its KL "
            "twice; the range is that of rounding. β-VAE₂ has γ |KL − 25|, which holds the KL at 25 nats, 25 / 738 here."
        )
        columns = ["report", "KL as stated", "KL by Total Loss", "stated × 738, nats", "do they agree?"]
        yield Table(self.title, columns, rows, note)
