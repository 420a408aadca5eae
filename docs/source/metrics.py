"""Write docs/metrics.md: what metrics are, how their definitions differ, and what chance and perfect codes score.

python docs/source/metrics.py                      # all tables, twelve minutes of one core
python docs/source/metrics.py --quick              # scores of gradient boosting stay as they stand in the page
python docs/source/metrics.py --only dci:default   # only these scores, and those that the page lacks, are computed
"""

from __future__ import annotations

import argparse
import itertools
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tables import markdown

import unbraid
from unbraid.data.dataset import Dataset, load_dataset
from unbraid.data.grids.duplicates import first_twins
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.metrics import Samples, evaluate, gather, mutual_information
from unbraid.metrics.audit import left_out, variants
from unbraid.metrics.registry import Variant, metrics, range_in_words
from unbraid.metrics.score_table import nodes
from unbraid.zoo.assemble import assemble
from unbraid.zoo.registry import models

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "metrics.md"
SAMPLES = 10_000
DATASETS = ("ellipses", "dsprites", "shapes", "correlated_ellipses")
DSPRITES = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="keep the rows of what takes minutes as the page has them")
    parser.add_argument("--only", help="definitions whose rows are made anew, as in dci:default,mig:adjusted")
    given = parser.parse_args()
    torch.set_num_threads(1)
    kept = Kept(PAGE.read_text(), given.quick, frozenset(given.only.split(",")) if given.only else None)
    how = ", `--quick`: rows of gbt are of a former full run" if given.quick else ""
    how = f", `--only {given.only}`: other rows are of former runs" if given.only else how
    tables = {
        "reading": reading(),
        "definitions": definitions(kept),
        "ceilings": what_images_tell(),
        "references": "\n\n".join(references(name, kept) for name in DATASETS),
        "bias": bias(),
        "made": f"unbraid {unbraid.__version__}, {platform.machine()}, seed 0{how}",
    }
    page = TEXT.read_text()
    for name, table in tables.items():
        page = page.replace(f"{{{{ {name} }}}}", table)
    PAGE.write_text(page)


Rows = dict[tuple[str, str], list[list[str]]]


@dataclass(frozen=True)
class Kept:
    """Which rows of the page stay as they are.

    Args:
        page: as it stands.
        quick: whether those of slow definitions stay.
        only: definitions that are made anew, as in "dci:default"; None for all.
    """

    page: str
    quick: bool
    only: frozenset[str] | None

    def rows(self, begin: str) -> Rows:
        """Of the first table behind a text, by metric and definition, each with the rows of its parts."""
        found: Rows = {}
        lines = self.page.partition(begin)[2].splitlines()
        tables = itertools.dropwhile(lambda line: not line.startswith("|"), lines)
        for line in itertools.takewhile(lambda line: line.startswith("|"), tables):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells[0].startswith("**"):
                found[cells[0].strip("*"), cells[1]] = [cells]
            elif found:
                found[next(reversed(found))].append(cells)
        return found

    def stays(self, metric: str, variant: Variant) -> bool:
        return (self.quick and variant.slow) or (self.only is not None and f"{metric}:{variant.name}" not in self.only)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def reading() -> str:
    rows = []
    for entry in metrics:
        told = entry.details
        words = (told["formula"], range_in_words(told["range"]), told["chance"], told["perfect"], told["blind"])
        rows.append([f"`{entry.name}`", *words])
    return markdown(["metric", "computes", "range", "chance", "a perfect code", "blind"], rows)


def example() -> Samples:
    """A code as autoencoders give it, on the factors of dSprites.

    Scale, x and y have a latent each, orientation is an angle in two, shape is not coded, and five latents are unused: their
    means hold traces of x and y, which their noise drowns.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(0, list(DSPRITES.values()), size=(SAMPLES, len(DSPRITES)))
    scale, orientation, x, y = (factors[:, k] / (size - 1) * 3.4 - 1.7 for k, size in list(enumerate(DSPRITES.values()))[1:])
    angle = orientation / 1.7 * np.pi
    live = np.stack([x, y, scale, np.sin(angle) * 1.4, np.cos(angle) * 1.4], axis=1)
    unused = (
        0.03 * np.outer(x, rng.normal(size=5)) + 0.03 * np.outer(y, rng.normal(size=5)) + 0.01 * rng.normal(size=(SAMPLES, 5))
    )
    mean = np.concatenate([live + 0.05 * rng.normal(size=live.shape), unused], axis=1)
    variance = np.concatenate([np.full(live.shape, 0.01), np.full(unused.shape, 0.99)], axis=1)
    return gather(mean, factors, variance=variance, factor_names=list(DSPRITES))


def definitions(kept: Kept) -> str:
    """A row for each definition on one code, beside its chance and ceiling as in `unbraid audit`."""
    former, code, rows = kept.rows("## Definitions side by side"), example(), []
    for entry in metrics:
        for variant in () if entry.details.get("downstream") else variants(entry.name):
            if kept.stays(entry.name, variant) and (entry.name, variant.name) in former:
                rows += former[entry.name, variant.name]
                continue
            label = f"**{entry.name}**"
            if reason := left_out(entry.name, variant, code, kept.quick):
                rows.append([label, variant.name, "", "", "", reason])
                continue
            result = evaluate(code, metrics={entry.name: dict(variant.options)}, intervals=0)[entry.name]
            for part, node in nodes(result):
                values = [number(node.get(key)) for key in ("score", "chance", "ceiling")]
                rows.append([part, "", *values, ""] if part else [label, variant.name, *values, variant.comparable])
    head = ["metric", "definition", "score", "chance", "ceiling", "comparable to numbers by"]
    return markdown(head, rows)


def what_images_tell() -> str:
    rows = []
    for name in DATASETS:
        dataset = load_dataset(name)
        twins = first_twins(dataset)
        shares = [number(share_told(column, twins)) for column in dataset.factors.T]
        alike = f"{len(dataset) - len(np.unique(twins)):,} of {len(dataset):,}"
        told = ", ".join(f"{factor} {share}" for factor, share in zip(dataset.space.names, shares, strict=True))
        rows.append([f"`{name}`", alike, told])
    return markdown(["data set", "images that an earlier one equals", "share of each factor's entropy that images tell"], rows)


def share_told(factor: np.ndarray, twins: np.ndarray) -> float:
    """I(image; factor) / H(factor), all images equally likely."""

    def entropy(*columns: np.ndarray) -> float:
        shares = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)[1] / len(factor)
        return float(-(shares * np.log(shares)).sum())

    return (entropy(factor) + entropy(twins) - entropy(factor, twins)) / entropy(factor)


def references(name: str, kept: Kept) -> str:
    """What noise, an untrained encoder and the best code score on a data set, by every quick definition."""
    dataset = load_dataset(name)
    rows = np.sort(np.random.default_rng(0).permutation(len(dataset))[:SAMPLES])
    noise = np.random.default_rng(1).normal(size=(len(rows), 10))
    samples = gather(noise, dataset.factors[rows], variance=np.full(noise.shape, 0.1), factor_names=dataset.space.names)
    best = dataset.factors[first_twins(dataset)[rows]]
    best = (best - best.mean(0)) / best.std(0)
    compared = (samples, untrained(dataset, rows), samples.with_codes(best, np.full(best.shape, 1e-6)))
    title = f"`{name}`, {len(rows):,} images\n\n"
    former = kept.rows(title)
    found = []
    for metric, variant in quick_definitions():
        if kept.stays(metric, variant) and (metric, variant.name) in former:
            found += former[metric, variant.name]
            continue
        chosen = {metric: dict(variant.options)}
        tables = [evaluate(own, metrics=chosen, intervals=0, references=False)[metric] for own in compared]
        for own in zip(*map(nodes, tables), strict=True):
            part = own[0][0]
            found.append([part or f"**{metric}**", "" if part else variant.name, *(number(node["score"]) for _, node in own)])
    head = ["metric", "definition", "noise", "untrained", "ceiling"]
    return title + markdown(head, found)


def quick_definitions() -> Iterator[tuple[str, Variant]]:
    """Definitions that take these codes, whose latents are continuous, and no minutes."""
    for entry in metrics:
        for variant in () if entry.details.get("downstream") else variants(entry.name):
            if not variant.slow and not variant.needs_discrete:
                yield entry.name, variant


def untrained(dataset: Dataset, rows: np.ndarray) -> Samples:
    """The network of Burgess et al. (Koller's on 28 pixels) with its first weights."""
    recipe = models["vae"].factory()
    encoder = "koller" if dataset.shape[1] == 28 else recipe.encoder
    vae = assemble(replace(recipe, encoder=encoder, decoder=encoder), dataset.shape, 10, seed=0)
    mean, variance = encode_posteriors(vae, dataset, index=rows, device=torch.device("cpu"))
    return gather(mean, dataset.factors[rows], variance=variance, factor_names=dataset.space.names)


def bias() -> str:
    """Information that a latent of noise is given of a factor, in nats, by estimator, number of values and of samples."""
    rows = []
    for values in (3, 6, 10, 32, 40):
        for n in (500, 1_000, 10_000):
            rng = np.random.default_rng(0)
            factors = rng.integers(0, values, size=(n, 1))
            noise = rng.normal(size=(n, 200))
            few, tight = noise[:, :20], np.full((n, 20), 0.03**2)
            by_bins = [
                mutual_information(noise, factors, definition=name).matrix.mean() for name in ("locatello2019", "adjusted")
            ]
            by_posterior = [
                mutual_information(mean=few, variance=tight, factors=factors, definition=name).matrix.mean()
                for name in ("chen2018", "posterior")
            ]
            rows.append([str(values), f"{n:,}", *(f"{value:.4f}" for value in (*by_bins, *by_posterior))])
    return markdown(["values", "samples", "locatello2019", "adjusted", "chen2018, σ = 0.03", "posterior, σ = 0.03"], rows)


if __name__ == "__main__":
    main()
