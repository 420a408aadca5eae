"""The documentation as a website, with live explorers in its gallery.

    python docs/source/site.py FOLDER

Every page of docs/ as HTML, and in the gallery the explorers whose commands stand there, of models that these commands train
where they are missing. Nothing is fetched from elsewhere: the folder opens from disk and from any web server.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
from pathlib import Path

from gallery import TEXT, run
from markdown_it import MarkdownIt

import unbraid.reporting

DOCS = TEXT.parents[1]
STYLE = Path(unbraid.reporting.__file__).with_name("style.css")
LIVE = "live"
OWN_STYLE = """
main img { max-width: 100%; height: auto; background: #fff; }
pre { white-space: pre; overflow-x: auto; }
p, li { max-width: 44rem; }
th, td { min-width: 4rem; }
h1 { margin: 2rem 0 .75rem; }
h2 { margin-top: 2.75rem; }
td { white-space: nowrap; }
td:last-child { white-space: normal; }
iframe { width: 100%; height: min(52rem, 90vh); border: 1px solid var(--line); border-radius: 6px; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · unbraid</title>
<link rel="stylesheet" href="{root}style.css">
</head>
<body>
<header><p class="over">unbraid</p><nav aria-label="Pages">{links}</nav></header>
<main>
{content}
</main>
<footer>unbraid {version}</footer>
</body>
</html>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if folder.exists():
        raise SystemExit(f"{folder} exists; give a folder that does not.")
    live = explorers(folder)
    pages = sorted(DOCS.glob("*.md"), key=lambda page: (page.stem != "gallery", page.stem))
    titles = {page: page.read_text().partition("\n")[0].removeprefix("# ") for page in [*pages, *DOCS.glob("decisions/*.md")]}
    for page, title in titles.items():
        content = MarkdownIt("commonmark").enable("table").render(page.read_text())
        content = content.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
        content = re.sub(r'(href="[^":]*)\.md(["#])', r"\1.html\2", content)
        if page.stem == "gallery":
            content = re.sub(r'<p><img src="images/explorer.png"[^>]*></p>', lambda _: live, content)
        root = "../" * (len(page.relative_to(DOCS).parts) - 1)
        links = "".join(f'<a href="{root}{other.stem}.html">{html.escape(titles[other])}</a>' for other in pages)
        written = folder / page.relative_to(DOCS).with_suffix(".html")
        written.parent.mkdir(parents=True, exist_ok=True)
        shown = {"title": html.escape(title), "root": root, "links": links, "content": content, "version": unbraid.__version__}
        written.write_text(PAGE.format(**shown))
    (folder / "style.css").write_text(STYLE.read_text() + OWN_STYLE)
    shutil.copytree(DOCS / "images", folder / "images")
    shutil.copy(folder / "gallery.html", folder / "index.html")


def explorers(folder: Path) -> str:
    """Make the explorers of the gallery's commands, and what shows them."""
    (folder / LIVE).mkdir(parents=True)  # apart from the page of docs/ that has the same name
    shown = []
    for command in re.findall(r"^\$ unbraid ((?:train|explore) .*?)(?: +#.*)?$", section("Live"), re.MULTILINE):
        made = re.search(r"-o (\S+)", command)
        if made is None:
            run(f"{command} --no-report")
        else:
            run(command.replace(made[1], str(folder / LIVE / made[1])))
            shown.append(
                f'<iframe src="{LIVE}/{made[1]}" loading="lazy" title="The explorer: unbraid {html.escape(command)}"></iframe>'
            )
    return "\n".join(shown)


def section(heading: str) -> str:
    """The part of the gallery below a heading."""
    return (DOCS / "gallery.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


if __name__ == "__main__":
    main()
