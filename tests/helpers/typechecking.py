"""The run-time type checker of the tests: beartype, with whole numbers accepted where fractions are."""

from __future__ import annotations

from typing import Any

from beartype import BeartypeConf, beartype

_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(defined: Any) -> Any:
    """Check a function at each call; not one within another, whose checks would be made anew at each call of the other."""
    return defined if "<locals>" in defined.__qualname__ else _checked(defined)
