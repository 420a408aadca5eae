"""Errors that say what was given, what is allowed and what to do next.

Every error a user can cause derives from `UnbraidError`; the command line prints its text without a
traceback and leaves with its `exit_code`. Anything else that escapes is a defect of the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from warnings import warn as _warn


class UnbraidError(Exception):
    """Something failed while working: a broken file, a full disk, a loss that is not finite.

    >>> try:
    ...     unbraid.load_dataset("elipses")
    ... except unbraid.UnbraidError as error:
    ...     print(str(error).partition(".")[0])
    Unknown data set 'elipses'
    """

    exit_code = 1


class UsageError(UnbraidError, ValueError):
    """The request itself cannot be carried out; nothing was started."""

    exit_code = 2


class UnknownName(UsageError, KeyError):
    """A name that is not registered, with the nearest one that is, or a hint in its place.

    Args:
        kind: what it should be the name of, in words.
        given: the name.
        known: the names that there are.
        see: a command that lists them.
        of, where: what has these names, and where they stand, in words.
        hint: what to do, in the place of the nearest name.
    """

    def __init__(
        self, kind: str, given: str, known: Iterable[str], *, see: str = "", of: str = "", where: str = "", hint: str = ""
    ) -> None:
        known = sorted(known)
        near = get_close_matches(given, known, n=1, cutoff=0.5)
        guess = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known) or 'none'}."
        guess = f" {hint}" if hint else guess
        place = (f" of {of}" if of else "") + (f" in {where}" if where else "")
        self.text = f"Unknown {kind} {given!r}{place}.{guess}" + (f" See: {see}" if see else "")
        super().__init__(self.text)

    def __str__(self) -> str:  # KeyError would print the repr
        return self.text


class IncompatibleParts(UsageError):
    """Two parts that do not fit: an encoder and an image size, a rate and a posterior."""


class ConfigMismatch(UsageError):
    """A run folder holds a run of another configuration."""


class DataUnavailable(UnbraidError):
    """A data set is not on this machine and could not be fetched or drawn."""


class CorruptFile(UnbraidError):
    """A file is truncated, altered or not what its name says."""


class NonFiniteLoss(UnbraidError):
    """A term of the loss became NaN or infinite."""


class UnbraidWarning(UserWarning):
    """Something is not as it should be, and work continues without it.

    The command line prints its text once.
    """


def warn(message: str) -> None:
    """Issue an `UnbraidWarning`: what is the case, and what follows from it."""
    _warn(message, UnbraidWarning, stacklevel=3)


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal, after a checkpoint at a step boundary."""
