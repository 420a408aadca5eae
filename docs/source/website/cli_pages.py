"""The reference of the command line, from what every command says to `--help`."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from unittest import mock

from unbraid.cli import main, parse
from unbraid.cli.parse import Argument

WORDS = {
    "train": ["train", "beta_vae", "ellipses"],
    "figure": ["figure", "traversals"],
}
"""Commands whose options depend on their first words, with words for which they are shown."""
ALSO = {"sweep": [["sweep", "status"]], "evaluate": [["evaluate", "--codes", "codes.npz"]]}
"""Further forms of commands."""


def cli_page() -> dict[str, str]:
    """The page by its name on the website."""
    lines = [
        "# Command line",
        "",
        "Every command tells its options with `--help`; `unbraid train MODEL DATA --help` tells those of a pair. "
        "Options may stand anywhere. A flag is turned off by `--no-` before its name. Exit codes: 0 done, 1 failed, 2 wrong "
        "usage, 130 stopped by Ctrl-C.",
        "",
        "| command | what it does |",
        "| --- | --- |",
        *(f"| [`unbraid {name}`](#unbraid-{name}) | {said} |" for name, said in main.COMMANDS.items()),
        "",
    ]
    for name in main.COMMANDS:
        lines += _command(name)
    return {"reference/cli.md": "\n".join(lines) + "\n"}


def _command(name: str) -> Iterator[str]:
    yield f"## unbraid {name}\n"
    if name in WORDS:
        yield f"As shown by `unbraid {' '.join(WORDS[name])} --help`; options depend on these words.\n"
    for words in [WORDS.get(name, [name]), *ALSO.get(name, [])]:
        for command, about, arguments in helped(words):
            yield from _helped(command, about, arguments)


def helped(words: Sequence[str]) -> list[tuple[str, str, list[Argument]]]:
    """What help was given: the command, what it says about it, and its arguments."""
    given: list[tuple[str, str, list[Argument]]] = []

    def note(command: str, about: str, arguments: Sequence[Argument]) -> None:
        given.append((command, about, list({argument.flag: argument for argument in reversed(arguments)}.values())[::-1]))

    with mock.patch.object(parse, "_print_help", note), contextlib.redirect_stdout(io.StringIO()):
        code = main.main([*words, "--help"])
    if code or not given:
        raise RuntimeError(f"unbraid {' '.join(words)} --help gave {code} and told of {len(given)} commands.")
    return given


def _helped(command: str, about: str, arguments: Sequence[Argument]) -> Iterator[str]:
    places = [argument for argument in arguments if not argument.group]
    usage = " ".join(["unbraid", command, *(_place(argument) for argument in places), "[OPTIONS]"])
    yield f"```console\n$ {usage}\n```\n"
    yield f"{_words(about)}\n"
    if places:
        yield "| argument | meaning |\n| --- | --- |"
        yield from (f"| `{one.flag.upper()}` | {_words(one.spec.option.help)} |" for one in places)
        yield ""
    for group in dict.fromkeys(argument.group for argument in arguments if argument.group):
        yield f"**{group}**\n\n| option | default | meaning |\n| --- | --- | --- |"
        yield from (_row(one) for one in arguments if one.group == group)
        yield ""


def _place(argument: Argument) -> str:
    name = argument.flag.upper()
    word = f"{name} ..." if argument.many else name
    return word if argument.required else f"[{word}]"


def _row(argument: Argument) -> str:
    spec = argument.spec
    names = ", ".join(f"`{name}`" for name in (argument.long, argument.short) if name)
    default = "" if spec.default is None else f"`{str(spec.default).lower() if spec.type is bool else spec.default}`"
    kind = "" if spec.type in (bool, str) else f"; {spec.allowed}"
    return f"| {names} | {default} | {_words(spec.option.help + kind)} |"


def _words(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "\\<").replace("$", "\\$")
