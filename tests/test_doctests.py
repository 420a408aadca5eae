"""Examples in docstrings are true, and every name that users meet has one."""

from __future__ import annotations

import ast
import doctest
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid
from helpers.passes import context, make_pass
from helpers.tiny import TINY, tiny_ellipses

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "source"))

from website.api_pages import Public, has_example, met_by_users, public_names  # noqa: E402

SMALL = {"encoder": "mlp", "encoder_width": 8, "decoder": "mlp", "decoder_width": 8, "latent_dim": 3, "batch_size": 8}
NEEDS = {
    "unbraid.api.export": "onnxscript",
    "unbraid.api.explore": "onnxscript",
    "unbraid.hub": "huggingface_hub",
    "unbraid.torchmetrics": "torchmetrics",
}
"""Packages that examples need, by the beginning of their names; where one is not installed they are skipped."""
WITHOUT = {
    "unbraid.train_many": "starts processes, which import the main module",
    "unbraid.import_run": "reads weights of others, which are no part of unbraid",
    "unbraid.importers.dubois2019.dubois2019": "reads weights of others, which are no part of unbraid",
    "unbraid.hub.push_to_hub": "writes to the account of a user",
    "unbraid.trackers.trackio.Trackio": "made by --track alone; writes to a database of trackio's",
}
"""Names without an example, and why. Data sets that are downloaded are not met here either: examples have no network."""


class Finder(doctest.DocTestFinder):
    """Finds examples of functions under decorators as well."""

    def _from_module(self, module, object):
        return super()._from_module(module, inspect.unwrap(object) if inspect.isfunction(object) else object)


def modules() -> Iterator[str]:
    """Those that have examples."""
    for path in sorted((ROOT / "src" / "unbraid").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            yield ".".join(part for part in path.relative_to(ROOT / "src").with_suffix("").parts if part != "__init__")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What the examples take for granted, as the first page of the API reference says, and a folder with runs."""
    root = tmp_path_factory.mktemp("examples")
    model = unbraid.train("vae", TINY, out=root / "runs" / "first", device="cpu", steps=2, **SMALL)
    for beta in (1.0, 4.0):
        folder = root / "runs" / f"beta{beta:g}"
        unbraid.train("beta_vae", TINY, beta=beta, out=folder, device="cpu", steps=4, evaluate_every=2, **SMALL)
        unbraid.evaluate(folder, metrics=["mig", "linear_probe"], device="cpu")
    made = make_pass(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    images = tiny_ellipses().images.bytes(np.arange(5))
    names = {"np": np, "torch": torch, "unbraid": unbraid, "Path": Path}
    return names | {"model": model, "images": images, "made": made, "context": context(50), "root": root}


@pytest.mark.parametrize("module", list(modules()))
def test_examples_do_what_they_show(module, given, monkeypatch):
    monkeypatch.chdir(given["root"])
    own = import_module(module) if find_spec(NEEDS.get(module, "numpy")) else pytest.skip(f"{NEEDS[module]} is not installed")
    tests = [test for test in Finder(exclude_empty=True).find(own, extraglobs=given) if test.examples]
    assert tests
    runner = doctest.DocTestRunner(verbose=False)
    with torch.random.fork_rng(devices=[]):  # networks that users make draw their weights from PyTorch's own generator
        for test in tests:
            if find_spec(NEEDS.get(test.name, "numpy")):
                runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_every_name_that_users_meet_has_an_example():
    met = met_by_users()
    assert len(met) > 200
    assert {one.path for one in met if not has_example(one) and not is_left_out(one)} == set(WITHOUT)


def is_left_out(one: Public) -> bool:
    """Whether an example makes no sense: constants, protocols, and data sets that must be downloaded."""
    return not isinstance(one.node, (ast.FunctionDef, ast.ClassDef)) or is_protocol(one) or is_downloaded(one)


def is_protocol(one: Public) -> bool:
    return isinstance(one.node, ast.ClassDef) and "Protocol" in [ast.unparse(base) for base in one.node.bases]


def is_downloaded(one: Public) -> bool:
    from unbraid.data.registry import datasets

    entry = datasets[one.name] if one.path.startswith("unbraid.data.sets.") and one.name in datasets else None
    return entry is not None and bool({"origin", "kept"} & set(entry.details))


def test_names_that_are_met_are_public_ones():
    assert set(met_by_users()) <= set(public_names())
