"""Train every model on ellipses, and three of them to length, and write docs/zoo.md.

python docs/source/zoo.py smoke    # every model by its defaults, 60,000 images, one seed: about an hour on one core
python docs/source/zoo.py study    # VAE, beta-TCVAE and FactorVAE, 3 seeds each: some two hours on one core
python docs/source/zoo.py factor   # FactorVAE's discriminator, 5 seeds of each setting: some two hours on one core
python docs/source/zoo.py          # write the page from these runs
python docs/source/zoo.py factor --print    # the table of one part, of the runs there are

Runs are kept in runs/zoo and are not trained again; a run that was stopped is resumed. Of the part `factor` the scores are kept
as well, in docs/source/zoo: its table is made from these.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from tables import markdown

import unbraid
from unbraid.api import evaluate, is_finished, train
from unbraid.evaluation.stored import Scores, read_scores
from unbraid.metrics.across_runs import across_runs
from unbraid.metrics.intervals import difference_interval
from unbraid.records import read_record, to_json
from unbraid.sweep.records import Result
from unbraid.sweep.runs import result_of_run
from unbraid.training.log import read_log
from unbraid.training.run import METRICS, open_run
from unbraid.training.symptoms import REMEDIES, RULES, symptoms
from unbraid.zoo.registry import models, remedies

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "zoo.md"
RUNS = Path("runs") / "zoo"
KEPT = TEXT.parent / "zoo"
"""Results of runs of the part `factor`, by the names of their folders."""
DATA, IMAGES, SCORED = "ellipses", 60_000, 20_000
METRIC_NAMES = ("mig", "dci", "factor_vae_score", "sap")
SEEDS = range(3)
_SMALL = {"gamma": 20, "discriminator_lr": 1e-3, "discriminator_width": 256, "discriminator_steps": 1}
STUDIED: Mapping[str, Any] = {"steps": 6_000, "lr": 1e-3}
"""Options that all models of the study share."""
STUDY: Mapping[str, Mapping[str, Any]] = {
    "vae": {},
    "beta_tcvae": {},
    "factor_vae": {
        "gamma": 6.4, "discriminator_lr": 1e-4, "discriminator_width": 1_000, "discriminator_init": "torch",
        "discriminator_steps": 1,
    },
}  # fmt: skip
"""Its models, with the defaults that FactorVAE then had."""
FACTOR: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "vae": ("vae", {}),
    "beta_tcvae": ("beta_tcvae", {}),
    "torch": ("factor_vae", {**_SMALL, "discriminator_init": "torch"}),
    "kaiming": ("factor_vae", _SMALL),
    "three_steps": ("factor_vae", {**_SMALL, "discriminator_steps": 3}),
    "gamma_35": ("factor_vae", {**_SMALL, "gamma": 35}),
}
"""Runs of the part on FactorVAE: a model and what is changed of it, by the beginning of the folder's name."""
FACTOR_SEEDS = range(5)
OF_ALL = ("discriminator_lr", "discriminator_width")
COMPARED: Mapping[str, Callable[[Result], float]] = {
    "MIG": lambda one: one.metrics["mig"]["score"],
    "DCI": lambda one: one.metrics["dci"]["score"],
    "FactorVAE": lambda one: one.metrics["factor_vae_score"]["score"],
    "reconstruction": lambda one: one.losses["test"]["nll_at_mean"],
}
"""Of runs of that part, by column."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=tuple(PARTS))
    parser.add_argument("--print", action="store_true", help="print the part's table instead of training its runs")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.part:
        runs, table = PARTS[given.part]
        if given.print:
            print(table())
            return
        for folder, (model, options) in runs():
            if given.part == "factor":
                make_and_keep(folder, model, options)
            else:
                make(folder, model, options)
        return
    page = TEXT.read_text()
    written = {name: table() for name, (_, table) in PARTS.items()}
    written |= {"protocol": protocol(), "symptoms": warnings(), "made": made()}
    for name, text in written.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    PAGE.write_text(page)


def smoke_runs() -> Iterator[tuple[Path, tuple[str, dict[str, Any]]]]:
    for entry in models:
        steps = IMAGES // entry.factory().batch_size
        yield RUNS / "smoke" / entry.name, (entry.name, {"steps": steps, "seed": 0})


def study_runs() -> Iterator[tuple[Path, tuple[str, dict[str, Any]]]]:
    for seed in SEEDS:
        for model, options in STUDY.items():
            yield RUNS / "study" / f"{model}-{seed}", (model, {**STUDIED, **options, "seed": seed})


def factor_runs() -> Iterator[tuple[Path, tuple[str, dict[str, Any]]]]:
    for seed in FACTOR_SEEDS:
        for name, (model, changed) in FACTOR.items():
            yield RUNS / "factor" / f"{name}-{seed}", (model, {**STUDIED, **changed, "seed": seed})


def make(folder: Path, model: str, options: Mapping[str, Any]) -> None:
    """Train and score a run, unless it is there."""
    if not is_finished(folder):
        train(model, DATA, out=folder, device="cpu", **options)
    if not (folder / METRICS).is_file():
        evaluate(folder, metrics=list(METRIC_NAMES), limit=SCORED, device="cpu")
    print(f"{folder}: {read_scores(folder / METRICS).metrics['mig']['score']:.2f}", flush=True)


def make_and_keep(folder: Path, model: str, options: Mapping[str, Any]) -> None:
    """Train and score a run and keep what came of it, unless that is kept."""
    path = KEPT / f"{folder.name}.json"
    if not path.is_file():
        make(folder, model, options)
        KEPT.mkdir(exist_ok=True)
        path.write_text(json.dumps(to_json(result_of_run(folder, given=options)), indent=1, ensure_ascii=False) + "\n")


def kept(name: str) -> list[Result]:
    """The results of a setting, by seed."""
    paths = [KEPT / f"{name}-{seed}.json" for seed in FACTOR_SEEDS]
    return [read_record(path, Result, "result") for path in paths if path.is_file()]


def smoke() -> str:
    head = [
        "model",
        "batch",
        "lr",
        "reconstruction",
        "KL",
        "active",
        "MIG",
        "DCI",
        "FactorVAE",
        "SAP",
        "warnings at the end",
    ]
    rows, absent = [], []
    for folder, (model, _) in smoke_runs():
        if not (folder / METRICS).is_file():
            absent.append(f"`{model}`")
            continue
        experiment, log, scored = open_run(folder).experiment, read_log(folder / "log.jsonl"), read_scores(folder / METRICS)
        wrong = symptoms(log, experiment.steps, remedies(model))
        split = scored.splits["test"]
        kl = split.terms.get("kl", sum(scored.kl_per_dim) or None)
        rows.append(
            [
                f"`{model}`",
                str(experiment.batch_size),
                f"{experiment.lr:g}",
                f"{split.nll_at_mean:.1f}",
                "" if kl is None else f"{kl:.1f}",
                f"{sum(scored.active)} of {experiment.latent_dim}",
                *(f"{score:.2f}" for score in scores(scored)),
                "; ".join(one.title for one in wrong),
            ]
        )
    return markdown(head, rows) + (f"\n\nNot trained yet: {', '.join(absent)}." if absent else "")


def scores(scored: Scores) -> list[float]:
    """The four scores; of DCI disentanglement."""
    return [float(scored.metrics[name]["score"]) for name in METRIC_NAMES]


def study() -> str:
    head = ["model", "reconstruction", "KL", "TC measured", "TC by discriminator", "MIG", "DCI", "FactorVAE", "SAP"]
    rows = []
    for model in STUDY:
        found = [read_scores(RUNS / "study" / f"{model}-{seed}" / METRICS) for seed in SEEDS]
        means = across_runs([one.metrics for one in found])
        splits = [one.splits["test"] for one in found]
        parts = [
            " ".join(f"{split.nll_at_mean:.1f}" for split in splits),
            " ".join(f"{sum(one.kl_per_dim):.1f}" for one in found),
            " ".join(f"{one.kl_parts.tc.value:.2f}" for one in found),
            " ".join(f"{split.terms['tc_discriminator']:.2f}" for split in splits if "tc_discriminator" in split.terms),
        ]
        cells = [f"**{means[metric]['score']:.2f}** ({each(found, metric)})" for metric in METRIC_NAMES]
        rows.append([f"`{model}`", *parts, *cells])
    return markdown(head, rows)


def factor() -> str:
    head = ["model", "options", "seeds", "reconstruction", "KL", "TC measured", "MIG", "DCI", "FactorVAE"]
    rows = []
    for name, (model, changed) in FACTOR.items():
        found = kept(name)
        if not found:
            continue
        means = across_runs([one.metrics for one in found])
        parts = (
            [one.losses["test"]["nll_at_mean"] for one in found],
            [sum(value or 0.0 for value in one.kl_per_dim) for one in found],
            [one.kl_parts["tc"]["value"] for one in found if one.kl_parts],
        )
        cells = [f"{sum(values) / len(values):.1f}" for values in parts]
        scored = [means[metric] for metric in ("mig", "dci", "factor_vae_score")]
        cells += [with_interval(one["score"], one.get("interval")) for one in scored]
        rows.append([f"`{model}`", f"`{flags(changed)}`" if changed else "", str(len(found)), *cells])
    return f"{markdown(head, rows)}\n\n{factor_differences()}"


def factor_differences() -> str:
    """Rows of beta-TCVAE and FactorVAE less the VAE's, and of FactorVAE less beta-TCVAE's: means, Welch's 95 % intervals."""
    rows = []
    for name, (model, changed) in list(FACTOR.items())[1:]:
        own = {key: value for key, value in changed.items() if key not in OF_ALL}
        for other in ("vae", "beta_tcvae"):
            if other == name:
                continue
            cells = []
            for of in COMPARED.values():
                first, second = ([of(one) for one in kept(which)] for which in (name, other))
                cells.append(with_interval(mean(first) - mean(second), difference_interval(first, second)))
            rows.append([f"`{model}`" + (f" `{flags(own)}`" if own else ""), f"`{other}`", *cells])
    return markdown(["model", "less", *COMPARED], rows)


def with_interval(value: float, ends: Sequence[float] | None) -> str:
    """A mean over seeds or a difference of two, and its 95 % interval."""
    return f"{value:.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")


def flags(options: Mapping[str, Any]) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())


def protocol() -> str:
    return f"`{flags(STUDIED)}` on `{DATA}`, 64 images a batch, all else by default; {SCORED:,} images scored. {made()}."


def warnings() -> str:
    """What training warns of, as rows: a title by the rule's name, when, and what to do."""
    rows = [[name.replace("_", " "), " ".join((rule.__doc__ or "").split()), REMEDIES[name]] for name, rule in RULES.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def each(found: Sequence[Scores], name: str) -> str:
    return " ".join(f"{one.metrics[name]['score']:.2f}" for one in found)


def made() -> str:
    return f"unbraid {unbraid.__version__}, torch {torch.__version__}, {platform.machine()}, CPU, one thread"


PARTS: Mapping[str, tuple[Callable[[], Iterator[tuple[Path, tuple[str, dict[str, Any]]]]], Callable[[], str]]] = {
    "smoke": (smoke_runs, smoke),
    "study": (study_runs, study),
    "factor": (factor_runs, factor),
}
"""Parts of the page: their runs, and their tables."""


if __name__ == "__main__":
    main()
