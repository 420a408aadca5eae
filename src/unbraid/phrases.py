"""Lists and counts as phrases, for messages and pages."""

from __future__ import annotations

from collections.abc import Sequence


def in_words(items: Sequence[str]) -> str:
    """A list as a phrase: "a", "a and b", "a, b and c"; "a, b; c" where items have commas."""
    if any("," in one for one in items):
        return "; ".join(items)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def few(items: Sequence[str], most: int = 6) -> str:
    """A list as a phrase, cut short where it is long."""
    return in_words(list(items)) if len(items) <= most else in_words([*items[: most - 1], f"{len(items) - most + 1} more"])


def counted(count: int, what: str) -> str:
    """As in "1 seed" and "1,200 seeds"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
