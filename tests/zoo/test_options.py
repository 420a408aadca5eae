"""What options of models, rates and parts say."""

from __future__ import annotations

from collections import defaultdict

from unbraid.rates.registry import rates
from unbraid.zoo.registry import models


def test_options_with_the_same_help_are_one_annotation():
    """A help text that several factories show has one source: the same `Option`, not an equal one."""
    found = defaultdict(set)
    for registry in (models, rates):
        for entry in registry:
            for spec in entry.options.values():
                found[spec.option.help].add(id(spec.option))
    assert [text for text, options in found.items() if len(options) > 1] == []
