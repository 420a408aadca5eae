"""Entry point of the command line.

It imports only the command that is asked for, and turns errors into messages and exit codes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib import import_module
from keyword import iskeyword
from typing import Any

from unbraid.tune_process import tune_process

COMMANDS = {
    "train": "Train a model on a data set, or resume the run",
    "sweep": "Train many runs: grids over models, options, seeds",
    "study": "Run a study: claims of a report, each with a verdict",
    "compare": "Compare many runs: means, differences, ranking, plots",
    "evaluate": "Score a run: losses, KL per latent, metrics",
    "probe": "Train linear classifiers on a run's codes, by number of labels",
    "audit": "Score codes by every definition of every metric",
    "report": "Write the HTML report of a run, or of several together",
    "figure": "Draw a figure of runs as PNG, SVG, PDF or GIF",
    "explore": "Write a page with a slider for each latent",
    "export": "Write encoder and decoder as ONNX files",
    "import": "Make a run of a model that others trained",
    "inspect": "Say what a data set holds, and what is wrong with a folder",
    "download": "Download the files of a data set in advance",
    "list": "List models, datasets, networks, metrics, figures, ...",
    "show": "Explain one of them: formula, options, layers, citation",
    "doctor": "Look for what makes unbraid slow or fail on this machine",
}
TRUST = "--trust"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    from unbraid.errors import Interrupted, UnbraidError

    _open_streams()
    try:
        with _warnings_in_words(), _trust(tokens):
            return _dispatch([token for token in tokens if token != TRUST])
    except Interrupted as stopped:
        _complain(str(stopped))
        return INTERRUPTED
    except KeyboardInterrupt:
        _complain("Stopped.")
        return INTERRUPTED
    except UnbraidError as error:
        if debug:
            raise
        _complain(f"Error: {error}")
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        return 0
    except (OSError, MemoryError) as error:  # a name too long, a folder that may not be searched: our code is not to blame
        if debug:
            raise
        _complain(f"Error: {_refused_by_the_system(error)}")
        return 1
    except Exception as error:
        if debug:
            raise
        if reason := _circumstance(error):
            _complain(f"Error: {reason}")
            return 1
        _complain(f"Error: {type(error).__name__}: {error}\nThis is a defect of unbraid; --debug shows where.")
        return 1


def _trust(tokens: list[str]) -> AbstractContextManager[None]:
    """Import modules that runs name only where --trust is given."""
    if TRUST not in tokens:
        return nullcontext()
    from unbraid.trust import trusting

    return trusting()


def _open_streams() -> None:
    """Make both streams take any text; one that was closed before we began takes it to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path need not be text


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Print each warning of the library once, on one line.

    Python shows all other warnings in its own way.
    """
    from unbraid.errors import UnbraidWarning

    told: set[str] = set()
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not isinstance(message, UnbraidWarning):
                others(message, category, *where, **more)
            elif str(message) not in told:
                told.add(str(message))
                from unbraid.cli.console import err

                err.print(f"Warning: {message}", style="yellow", soft_wrap=True)

        warnings.showwarning = show
        warnings.simplefilter("always", UnbraidWarning)
        yield


_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "Unable to allocate", "bad_alloc")
_NOT_LOADED = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")
"""Of shared libraries, where memory is limited."""


def _circumstance(error: Exception) -> str:
    """What outside of unbraid caused an error that a library raised.

    Empty where unbraid's own code is to blame.
    """
    text = str(error)
    if isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY):
        return _refused_by_the_system(MemoryError())
    if isinstance(error, ImportError) and any(words in text for words in _NOT_LOADED):
        line = next(line for line in text.splitlines() if any(words in line for words in _NOT_LOADED))
        return f"out of memory while a library was loaded ({line.strip()}). Allow the process more memory."
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return "The system refused another thread. Allow the process more threads or more memory."
    if isinstance(error, RuntimeError) and "home directory" in text:
        return "A path begins with ~ and the name of a user who is not known here. Give the path in full."
    if isinstance(error, ValueError) and "closed file" in text:
        return "The output is closed."
    return ""


def _refused_by_the_system(error: OSError | MemoryError) -> str:
    if isinstance(error, MemoryError):
        return "out of memory. Try a smaller --batch-size or data set."
    where = "" if error.filename is None else f" {error.filename}"
    return f"The system refused{where}: {error.strerror or error}. Check the path, or give another one."


def _complain(text: str) -> None:
    from unbraid.cli.console import visible

    with suppress(OSError, ValueError):  # nobody reads
        print(visible(text), file=sys.stderr)


def _dispatch(tokens: list[str]) -> int:
    command = tokens[0] if tokens else "--help"
    if command in COMMANDS:
        tune_process()
        module = f"unbraid.cli.{command}{'_' if iskeyword(command) else ''}"
        result: int = import_module(module).run(tokens[1:])
        return result
    if command == "--version":
        from unbraid import __version__

        if "--verbose" in tokens:
            _print_facts()
        else:
            print(f"unbraid {__version__}")
        return 0
    if command not in ("--help", "-h"):
        from unbraid.errors import UnknownName

        raise UnknownName("command", command, COMMANDS, see="unbraid --help")
    _print_help()
    return 0


def _print_facts() -> None:
    from unbraid.checkup import facts

    found = facts()
    width = max(map(len, found))
    for name, text in found.items():
        print(f"{name:<{width}}  {text}")


def _print_help() -> None:
    from unbraid import __version__

    width = max(map(len, COMMANDS))
    lines = [
        f"unbraid {__version__}: train, measure and show disentangled VAEs",
        "",
        "Usage: unbraid COMMAND ...",
        "",
        "Commands:",
        *(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()),
        "",
        "Options:",
        "  --help     Explain a command: unbraid train beta_vae ellipses --help",
        "  --version  Show the version; with --verbose, all that a bug report needs",
        "  --debug    Show the traceback of an error",
        "  --trust    Import the modules of a run's own networks, which runs their code",
        "",
        "Begin with: unbraid train beta_vae ellipses",
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
