"""From the words of a command line to checked values, and the help of a command.

cyclopts reads a function's signature; models, data sets and likelihoods declare their options in theirs, so the signature of a
command is put together from the options of the chosen parts. Which parts are chosen stands in the words themselves, so a
command is read once with every option that it may have (`read`), and what was given is then checked against the options of the
chosen parts (`checked`). All values are checked by `OptionSpec`: the command line and Python refuse in the same words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter, RepeatArgumentError, UnknownOptionError

from unbraid.errors import UsageError
from unbraid.options import Option, OptionSpec

_LONGEST = 1_000
"""Characters of the parser's own words that are shown."""
_HELP = ("--help", "-h")
OUT = "out"
"""The option that says where a command writes."""


@dataclass(frozen=True)
class Argument:
    """One argument of a command: an option of a group, or a positional one where `group` is empty.

    The last positional argument may be `many`; its value is a list. An option that is `listed` takes several values in one
    text, as sweeps do; it is read as that text, and a flag as a boolean or such a text. `short` is one more name of an option,
    like "-o". `owner` says whose option it is where that is not the command: "model 'beta_vae'".
    """

    spec: OptionSpec
    flag: str
    group: str = ""
    required: bool = False
    many: bool = False
    listed: bool = False
    short: str = ""
    owner: str = ""

    @property
    def long(self) -> str:
        """The option as it is written: "--beta-warmup"."""
        return f"--{self.flag.replace('_', '-')}"


def positional(name: str, about: str, *, required: bool = False, many: bool = False) -> Argument:
    """A positional argument."""
    return Argument(OptionSpec(name, str, None, Option(about)), name, required=required, many=many)


def option(name: str, kind: Any, default: Any, about: Option | str, group: str = "Options", short: str = "") -> Argument:
    """An option of the command itself."""
    return Argument(
        OptionSpec(name, kind, default, Option(about) if isinstance(about, str) else about), name, group, short=short
    )


class HelpShown(Exception):
    """Help was printed instead of parsing."""


@dataclass(frozen=True)
class Words:
    """What stands on a command line, unchecked.

    Args:
        command: the words before the options, as in `unbraid COMMAND --help`.
        given: texts, and booleans for flags, by the names of arguments; only what was given.
        unknown: options that the command does not have.
        help: whether help is asked for.
    """

    command: str
    given: Mapping[str, Any]
    unknown: tuple[str, ...] = ()
    help: bool = False

    def at(self, *names: str | None) -> Words:
        """The same, with names after the command that say whose options its help lists."""
        return self if self.help or None in names else replace(self, command=" ".join([self.command, *map(str, names)]))

    def refuse_unknown(self, known: Iterable[Argument], see: str = "") -> None:
        """Raise `UsageError` for an option that the command does not have, with the nearest that it has."""
        for word in self.unknown:
            raise _unknown(word, known, see or f"unbraid {self.command} --help")


def read(command: str, arguments: Iterable[Argument], tokens: Sequence[str]) -> Words:
    """The words of a command, each under the name of its argument.

    Where several arguments have one name, the first counts.

    Raises `UsageError` in the parser's words for what cannot be read, such as an option without its value.
    """
    known = list({argument.flag: argument for argument in reversed(list(arguments))}.values())[::-1]
    wants_help = asks_for_help(tokens)
    reading = _Reading(command, [one for one in known if one.group], tokens, wants_help=wants_help)
    given, words = reading.bind()
    for place in (one for one in known if not one.group):
        if words:
            given[place.flag] = words if place.many else words.pop(0)
            words = [] if place.many else words
    if words and not reading.unknown and not wants_help:
        raise reading.refusal(f"{' '.join(map(repr, words))}: more words than it takes.", several=True)
    return Words(command, given, tuple(reading.unknown), wants_help)


def read_known(command: str, arguments: Sequence[Argument], tokens: Sequence[str]) -> Words:
    """As `read`, with unknown options refused at once: their values would be taken for names."""
    words = read(command, arguments, tokens)
    if not words.help:
        words.refuse_unknown(arguments)
    return words


def asks_for_help(tokens: Sequence[str]) -> bool:
    """Whether a command line asks for help."""
    end = tokens.index("--") if "--" in tokens else len(tokens)
    return not {*_HELP}.isdisjoint(tokens[:end])


class _Reading:
    """A command line on its way through the parser, which stops at the first word that it cannot place.

    That word is placed here, and the rest is parsed again.
    """

    def __init__(self, command: str, options: Sequence[Argument], tokens: Sequence[str], *, wants_help: bool) -> None:
        self.unknown: list[str] = []
        self._command, self._options, self._wants_help = command, options, wants_help
        self._rest, self._placed = list(tokens), dict[str, Any]()

    def bind(self) -> tuple[dict[str, Any], list[str]]:
        """The values of options by their names, and the words that stand alone."""
        app = _reader(self._options)
        while True:
            try:
                _, bound, *_ = app.parse_known_args(self._rest)
            except UnknownOptionError as error:
                self.unknown.append(error.token.value.partition("=")[0])
                self._rest.remove(error.token.value)
            except CycloptsError as error:
                self._leave_without_value(error)
            else:
                values = {name: value for name, value in bound.kwargs.items() if name != "help"}
                if not self._leave_alone(values):
                    return values | self._placed, list(bound.args)

    def _leave_without_value(self, error: CycloptsError) -> None:
        """Pass over an option in the place of whose value help is asked for; other errors are raised in words."""
        keyword = error.keyword if isinstance(error, MissingArgumentError) else None
        if not (self._wants_help and keyword in self._rest):
            error.verbose = False
            raise self.refusal(str(error), several=isinstance(error, RepeatArgumentError)) from None
        self._placed |= {one.flag: "" for one in self._options if keyword in (one.long, one.short)}
        self._rest.remove(str(keyword))

    def _leave_alone(self, values: Mapping[str, Any]) -> bool:
        """Whether a flag had taken a word that is not a boolean; it is then read without a value."""
        flags = (one for one in self._options if one.listed and one.spec.type is bool and one.long in self._rest)
        alone = next((one for one in flags if _is_no_boolean(values.get(one.flag))), None)
        if alone is not None:
            self._rest[self._rest.index(alone.long)] += "=true"
            self._placed[alone.flag] = True
        return alone is not None

    def refusal(self, text: str, *, several: bool) -> UsageError:
        """Why the line is refused; `several` if that may be because several values were meant."""
        lists = several and any(one.listed for one in self._options)
        hint = " Several values are joined by commas: --seed 0,1,2." if lists else ""
        return UsageError(f"{_shortened(text)}{hint} See: unbraid {self._command} --help")


def _reader(options: Sequence[Argument]) -> App:
    """What reads words: every option takes a text, or is a flag."""

    def receive(*words: str, **options: Any) -> None: ...

    texts = [
        inspect.Parameter(
            argument.flag,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[_kind(argument) | None, Parameter(name=_names(argument), negative=_no(argument))],
        )
        for argument in options
    ]
    words = inspect.Parameter("words", inspect.Parameter.VAR_POSITIONAL, annotation=str)
    wanted = Annotated[bool, Parameter(name=list(_HELP), negative=[])]
    asks = inspect.Parameter("help", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=wanted)
    return _app(receive, [words, *texts, asks], help_flags=[])


def _app(receive: Callable[..., None], parameters: Sequence[inspect.Parameter], **looks: Any) -> App:
    receive.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    receive.__annotations__ = {p.name: p.annotation for p in parameters}
    app = App(version_flags=[], **looks)
    app.default(receive)
    return app


def _kind(argument: Argument) -> Any:
    if argument.spec.type is not bool:
        return str
    return bool | str if argument.listed else bool


def _is_no_boolean(word: Any) -> bool:
    return isinstance(word, str) and not {*word.lower().split(",")} <= {"true", "false"}


def _names(argument: Argument) -> list[str]:
    return [argument.long, *([argument.short] if argument.short else [])]


def _no(argument: Argument) -> list[str]:
    return [f"--no-{argument.long[2:]}"] if argument.spec.type is bool else []


def checked(
    words: Words, about: str, arguments: Iterable[Argument], whose: Callable[[str], str] | None = None
) -> dict[str, Any]:
    """What was given, in the declared types; defaults stay where they are declared.

    Args:
        whose: says in words what has an option that was read and is not among the arguments.

    Raises `UsageError` for an option that is not among the arguments, a value that is not allowed and a positional argument
    that is missing, and `HelpShown` after printing help.
    """
    arguments = list(arguments)
    if words.help:
        _print_help(words.command, about, arguments)
        raise HelpShown
    words.refuse_unknown(arguments)
    own = {argument.flag: argument for argument in reversed(arguments)}
    values: dict[str, Any] = {}
    for flag, word in words.given.items():
        if flag not in own:
            hint = whose(flag) if whose else ""
            raise _unknown(f"--{flag.replace('_', '-')}", arguments, f"unbraid {words.command} --help", hint)
        argument = own[flag]
        values[flag] = (
            word if argument.many or argument.listed else argument.spec.read(word, argument.owner or f"unbraid {words.command}")
        )
        if flag == OUT and values[flag].startswith("~"):  # shells leave it in -o=~/x, and where there is no such user
            values[flag] = str(Path(values[flag]).expanduser())
    for argument in arguments:
        if argument.required and argument.flag not in values:
            raise UsageError(f"unbraid {words.command} needs {_shown(argument)}. See: unbraid {words.command} --help")
    return values


def parse(command: str, about: str, arguments: Sequence[Argument], tokens: Sequence[str]) -> dict[str, Any]:
    """`read` and `checked` for a command whose arguments depend on nothing."""
    return checked(read(command, arguments, tokens), about, arguments)


def _unknown(word: str, known: Iterable[Argument], see: str, hint: str = "") -> UsageError:
    near = get_close_matches(word.lstrip("-"), [argument.long[2:] for argument in known if argument.group], n=1)
    said = hint or (f"Did you mean --{near[0]}?" if near else "")
    return UsageError(f"Unknown option: {word}. {said}{' ' if said else ''}See: {see}")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return (
        line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    )  # it quotes what was given


def _shown(argument: Argument) -> str:
    name = argument.flag.upper()
    return f"{name} [{name} ...]" if argument.many else name


def _print_help(command: str, about: str, arguments: Sequence[Argument]) -> None:
    arguments = list({argument.flag: argument for argument in reversed(arguments)}.values())[::-1]
    names = dict.fromkeys(argument.group for argument in arguments if argument.group)
    words = Group("Arguments", sort_key=-1)
    groups = {"": words, **{name: Group(name, sort_key=i) for i, name in enumerate(names)}}

    def receive() -> None: ...

    app = _app(
        receive,
        [_parameter(argument, groups) for argument in arguments],
        name=f"unbraid {command}",
        help=about,
        help_format="plaintext",
        usage=f"Usage: {' '.join(['unbraid', command, *(_shown(a) for a in arguments if not a.group)])} [OPTIONS]\n",
        group_arguments=words,
        group_commands=Group("Help", sort_key=99),
    )
    app.help_print([])


def _parameter(argument: Argument, groups: Mapping[str, Group]) -> inspect.Parameter:
    spec = argument.spec
    limits = f" ({spec.option.range})" if spec.option.range else ""
    optional = spec.default is None and not argument.required
    annotation: Any = Annotated[
        spec.type | None if optional else spec.type,
        Parameter(
            help=spec.option.help + limits,
            name=_names(argument) if argument.group else None,
            group=groups[argument.group],
            show_default=not optional and not argument.required,
        ),
    ]
    positional = inspect.Parameter.VAR_POSITIONAL if argument.many else inspect.Parameter.POSITIONAL_ONLY
    kind = inspect.Parameter.KEYWORD_ONLY if argument.group else positional
    default = inspect.Parameter.empty if argument.required or argument.many else spec.default
    return inspect.Parameter(argument.flag, kind, default=default, annotation=annotation)
