"""Write docs/studies/NAME.md of every study from the results in docs/ledger; nothing is trained.

    python docs/source/studies.py

Add results of your own first: cp -r studies/results/. docs/ledger/
"""

from __future__ import annotations

from pathlib import Path

from unbraid.studies.nulls import with_nulls
from unbraid.studies.registry import studies
from unbraid.studies.results import find
from unbraid.studies.writing import tell, to_markdown

DOCS = Path(__file__).parents[1]
LEDGER, PAGES = DOCS / "ledger", DOCS / "studies"


def pages() -> dict[str, str]:
    """The text of each study's page, by its file's name; of studies that have runs in the ledger."""
    found = {}
    for entry in studies:
        results = find(entry.name, entry.factory(), "cpu", [LEDGER])
        if results.everything:
            results = with_nulls(results, [LEDGER], keep=None)
            found[f"{entry.name}.md"] = to_markdown(results, tell(results, entry.source))
    return found


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
