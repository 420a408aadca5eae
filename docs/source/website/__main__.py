"""Build the website into docs/_build/html: `python docs/source/website`, or with `--linkcheck` ask for every external link."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1]
sys.path.insert(0, str(SOURCE))

from sphinx.cmd.build import main as sphinx  # noqa: E402

from website.stage import BUILD, DOCS, stage  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--linkcheck", action="store_true", help="ask for every external link in place of making pages")
    builder = "linkcheck" if parser.parse_args().linkcheck else "html"
    stage(BUILD / "source")
    paths = [str(path) for path in (BUILD / "source", BUILD / builder)]
    code = sphinx(
        ["-b", builder, "-c", str(DOCS), "-d", str(BUILD / "doctrees"), "-W", "--keep-going", "-q", "-j", "auto", *paths]
    )
    if code == 0 and builder == "html":
        print(f"docs: {len(list((BUILD / 'html').rglob('*.html')))} pages; open {BUILD / 'html' / 'index.html'}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
