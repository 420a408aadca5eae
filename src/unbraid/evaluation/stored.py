"""Scores as `metrics.json` holds them, read back and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.errors import CorruptFile
from unbraid.files import read_json

_REMEDY = "The scores were altered, or written by another version; remove the file and make it anew: unbraid evaluate RUN."
_ANY, _OPTIONAL = "*", "?"
"""Stands for all names of a mapping; ends those that may be left out."""
_BOUND = {"value": float, "error": float}
_SPLIT = {
    "images": int,
    "nll": float,
    "nll_at_mean": float,
    "nll_constant?": float,
    "loss?": float,
    "terms": {_ANY: float},
    "log_p_bound": _BOUND,
}
_SCORE = {
    "score": float,
    "per_factor?": {_ANY: float},
    "per_factor_ceiling?": {_ANY: float},
    "interval?": [float],
    **dict.fromkeys(("chance?", "untrained?", "ceiling?"), float),
}
_SCORES = {
    "step": int,
    "images": int,
    "of_images": int,
    "splits": {"train?": _SPLIT, "test?": _SPLIT},
    "kl_per_dim": [float],
    "active": [bool],
    "metrics": {_ANY: _SCORE},
    "kl_parts?": {"kl": float, "mi": _BOUND, "tc": _BOUND, "dimension_wise_kl": float, "images": int},
    "information_shares?": [[float]],
    "follows?": [str],
}
"""Numbers may be null, which stands for what is not finite; names beyond these are nobody's business."""
_WORDS = {int: "a whole number, at least 0", float: "a finite number or null", bool: "true or false", str: "text"}


def read_scores(path: Path) -> dict[str, Any]:
    """The scores of a run. Raises `CorruptFile` for a file that holds anything else."""
    scored = read_json(path, "scores")
    _check(scored, _SCORES, "", path)
    return scored


def _check(value: Any, wanted: Any, where: str, path: Path) -> None:
    def refuse(allowed: str) -> CorruptFile:
        given = repr(value) if len(repr(value)) < 60 else f"a {type(value).__name__}"
        return CorruptFile(f"{path}: {where or 'it'} is {given}; allowed: {allowed}. {_REMEDY}")

    if isinstance(wanted, Mapping):
        if not isinstance(value, dict):
            raise refuse("an object")
        fields = dict.fromkeys(value, wanted[_ANY]) if _ANY in wanted else wanted
        for field, inner in fields.items():
            name = field if _ANY in wanted else field.removesuffix(_OPTIONAL)
            if name in value:
                _check(value[name], inner, f"{where}.{name}".lstrip("."), path)
            elif name == field:
                raise CorruptFile(f"{path}: {where or 'it'} lacks {name}. {_REMEDY}")
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            raise refuse("a list")
        for one in value:
            _check(one, wanted[0], f"an item of {where}", path)
        if len({len(one) for one in value if isinstance(one, list)}) > 1:
            raise refuse("rows of one length")
    elif not _is(value, wanted):
        raise refuse(_WORDS[wanted])


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return value is None or (type(value) in (int, float) and abs(value) < math.inf)
    return type(value) is kind and (not isinstance(value, int) or 0 <= value < 2**63)
