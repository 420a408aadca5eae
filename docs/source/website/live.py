"""Make the explorers that the gallery shows, of models that its commands train where they are missing.

python docs/source/website/live.py              # all: a quarter of an hour of one core where no model is there yet
python docs/source/website/live.py rooms.html   # one of them

Models are kept in runs/, pages in docs/_build/live, which `make docs` takes along. What was made is not made again.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2]
LIVE = DOCS / "_build" / "live"
FOLDER = "explorers"
PICTURE = re.compile(r"^!\[[^\]]*\]\(images/explorer\.png\)$", re.MULTILINE)
COMMAND = re.compile(r"^\$ unbraid ((?:train|explore) .*?)(?: +# (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Explorer:
    """A page: the command that makes it, what it shows in words, its name, and the runs that it is of."""

    command: str
    about: str
    page: str
    runs: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where it is made."""
        return LIVE / FOLDER / self.page


def explorers(text: str) -> list[Explorer]:
    """Those of the gallery's section."""
    section = text.partition("\n## Live\n")[2].partition("\n## ")[0]
    found = []
    for command, about in COMMAND.findall(section):
        words = command.split()
        if words[0] == "explore":
            end = words.index("-o")
            found.append(Explorer(command, about, words[end + 1], tuple(words[1:end])))
    return found


def trainings(text: str) -> dict[str, str]:
    """The commands of the gallery that train, by the folder of the run."""
    return {command.split()[-1]: command for command, _ in COMMAND.findall(text) if command.startswith("train ")}


def shown(text: str) -> str:
    """The gallery with the explorers that were made."""
    frames = [frame(one) for one in explorers(text) if one.path.is_file()]
    return PICTURE.sub(lambda _: "\n\n".join(frames), text) if frames else text


def frame(one: Explorer) -> str:
    """An explorer inside a page, and a link to it alone."""
    address, command, about = f"{FOLDER}/{one.page}", html.escape(one.command), html.escape(one.about)
    return (
        f'<figure class="explorer"><iframe src="{address}" loading="lazy" title="unbraid {command}"></iframe>\n'
        f'<figcaption>{about[:1].upper()}{about[1:]}. <a href="{address}">Open it by itself</a>.</figcaption></figure>'
    )


def make(text: str, pages: Sequence[str] = ()) -> None:
    """Make these pages, by default all, and train the models that they are of."""
    sys.path.insert(0, str(DOCS / "source"))
    from gallery import run

    known = {one.page: one for one in explorers(text)}
    if unknown := set(pages) - set(known):
        raise SystemExit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    train = trainings(text)
    for one in [known[page] for page in pages or known]:
        if one.path.is_file():
            continue
        for folder in one.runs:
            quiet = "" if "--no-report" in train[folder] else " --no-report"
            _say(f"{train[folder]}{quiet}")
            run(f"{train[folder]}{quiet}")
        one.path.parent.mkdir(parents=True, exist_ok=True)
        _say(one.command)
        run(one.command.replace(f"-o {one.page}", f"-o {one.path}"))


def _say(command: str) -> None:
    print(f"unbraid {command}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="pages by their names, as rooms.html; all by default")
    make((DOCS / "gallery.md").read_text(encoding="utf-8"), parser.parse_args().pages)


if __name__ == "__main__":
    main()
