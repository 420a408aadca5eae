"""Examples in docstrings are true."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

PACKAGES = ("unbraid.metrics",)
"""Rooms whose functions have examples."""


def modules() -> list[str]:
    return [
        found.name
        for package in PACKAGES
        for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
        if not found.ispkg
    ]


def examples(module: str) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(module)) if test.examples]


@pytest.mark.parametrize("module", [name for name in modules() if examples(name)])
def test_examples(module: str) -> None:
    result = doctest.testmod(import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_metric_has_one() -> None:
    from unbraid.metrics.registry import metrics

    assert [entry.name for entry in metrics if ">>> " not in (entry.factory.__doc__ or "")] == []
