"""Turn option specs into a typed command with help, and parse tokens with it.

cyclopts reads a function's signature; models, data sets and likelihoods declare their options in theirs, so the signature
of a command is put together from those of the chosen parts.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter, Token

from unbraid.errors import UsageError
from unbraid.options import OptionSpec

_LONGEST = 1_000
"""Characters of the parser's own words that are shown."""


@dataclass(frozen=True)
class Argument:
    """One argument of a command: an option of a group, or a positional one where `group` is empty.

    The last positional argument may be `many`; its value is a list. `short` is one more name of an option, like "-o".
    """

    spec: OptionSpec
    flag: str
    group: str = ""
    required: bool = False
    many: bool = False
    short: str = ""


class HelpShown(Exception):
    """Help was printed instead of parsing."""


def peek(tokens: list[str], option: str) -> str | None:
    """The value of an option, before the parser that knows all options can be made."""
    for i, token in enumerate(tokens):
        if token == option and i + 1 < len(tokens):
            return tokens[i + 1]
        if token.startswith(f"{option}="):
            return token.partition("=")[2]
    return None


def peek_positional(tokens: list[str], flags: Collection[str]) -> list[str]:
    """The positional arguments, likewise; `flags` are the options that take no value."""
    found, skip = [], False
    for token in tokens:
        if skip:
            skip = False
        elif token.startswith("--"):
            skip = token != "--" and "=" not in token and token not in flags
        elif not token.startswith("-"):
            found.append(token)
    return found


def _whole_number(kind: Any, tokens: Sequence[Token]) -> int:
    """A whole number, also as 300_000 or 3e5; cyclopts' own rule would round 1.5."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise ValueError(f"{text} is not a whole number") from None
        return int(number)


def _parameter(argument: Argument, groups: dict[str, Group]) -> inspect.Parameter:
    spec = argument.spec
    limits = f" ({spec.option.range})" if spec.option.range else ""
    optional = spec.default is None and not argument.required
    annotation: Any = Annotated[
        spec.type | None if optional else spec.type,
        Parameter(
            help=spec.option.help + limits,
            name=[f"--{argument.flag.replace('_', '-')}", *([argument.short] if argument.short else [])]
            if argument.group
            else None,
            group=groups[argument.group] if argument.group else None,
            show_default=not optional and not argument.required,
            converter=_whole_number if spec.type is int else None,
        ),
    ]
    positional = inspect.Parameter.VAR_POSITIONAL if argument.many else inspect.Parameter.POSITIONAL_ONLY
    kind = inspect.Parameter.KEYWORD_ONLY if argument.group else positional
    default = inspect.Parameter.empty if argument.required or argument.many else spec.default
    return inspect.Parameter(argument.flag, kind, default=default, annotation=annotation)


def _shown(argument: Argument) -> str:
    name = argument.flag.upper()
    return f"{name} [{name} ...]" if argument.many else name


def parse(command: str, about: str, arguments: Iterable[Argument], tokens: list[str]) -> dict[str, Any]:
    """Parse the tokens of a command; only what was given is returned, so that defaults stay where they are declared.

    Raises `UsageError` in the parser's words, and `HelpShown` after printing help.
    """
    arguments = list(arguments)
    names = dict.fromkeys(argument.group for argument in arguments if argument.group)
    groups = {name: Group(name, sort_key=i) for i, name in enumerate(names)}
    given: dict[str, Any] = {}

    def receive(*positional: Any, **keywords: Any) -> None:
        first = [argument for argument in arguments if not argument.group]
        given.update(
            {a.flag: list(positional[i:]) if a.many else positional[i] for i, a in enumerate(first[: len(positional)])}
        )
        given.update(keywords)

    parameters = [_parameter(argument, groups) for argument in arguments]
    receive.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    receive.__annotations__ = {p.name: p.annotation for p in parameters}
    app = App(
        name=f"unbraid {command}",
        help=about,
        help_format="plaintext",
        usage=f"Usage: unbraid {command} {' '.join(_shown(a) for a in arguments if not a.group)} [OPTIONS]\n",
        version_flags=[],
        group_parameters=Group("Arguments", sort_key=-1),
        group_commands=Group("Help", sort_key=99),
    )
    app.default(receive)
    if any(token in ("--help", "-h") for token in tokens):
        app.help_print([])
        raise HelpShown
    try:
        _, bound, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        first = " ".join(str(error).split())
        if len(first) > _LONGEST:  # it quotes what was given
            first = f"{first[: _LONGEST // 2]} ... {first[-_LONGEST // 2 :]}"
        raise UsageError(f"{first} See: unbraid {command} --help") from None
    receive(*bound.args, **bound.kwargs)
    return given
