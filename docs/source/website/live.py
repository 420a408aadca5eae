"""Make the explorers that the gallery shows, of models that its commands train where they are missing.

python docs/source/website/live.py    # then the gallery of `make docs` has them in the place of their picture
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2]
LIVE = DOCS / "_build" / "live"
FOLDER = "explorers"
PICTURE = re.compile(r"^!\[[^\]]*\]\(images/explorer\.png\)$", re.MULTILINE)


def commands(text: str) -> list[str]:
    """The commands of the gallery's section."""
    section = text.partition("\n## Live\n")[2].partition("\n## ")[0]
    return re.findall(r"^\$ unbraid ((?:train|explore) .*?)(?: +#.*)?$", section, re.MULTILINE)


def made_by(command: str) -> str | None:
    """The page that a command makes."""
    return found[1] if (found := re.search(r"-o (\S+)", command)) else None


def shown(text: str) -> str:
    """The gallery with the explorers that were made."""
    pages = [(command, made) for command in commands(text) if (made := made_by(command)) and (LIVE / FOLDER / made).is_file()]
    frames = [
        f'<iframe class="explorer" src="{FOLDER}/{made}" loading="lazy" title="unbraid {html.escape(command)}"></iframe>'
        for command, made in pages
    ]
    return PICTURE.sub(lambda _: "\n".join(frames), text) if frames else text


def main() -> None:
    sys.path.insert(0, str(DOCS / "source"))
    from gallery import run

    (LIVE / FOLDER).mkdir(parents=True, exist_ok=True)
    for command in commands((DOCS / "gallery.md").read_text(encoding="utf-8")):
        made = made_by(command)
        if made is None:
            run(f"{command} --no-report")
        elif not (LIVE / FOLDER / made).is_file():
            run(command.replace(made, str(LIVE / FOLDER / made)))


if __name__ == "__main__":
    main()
