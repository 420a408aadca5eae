"""Write docs/studies/NAME.md of every study and docs/claims.md from the results in docs/ledger; nothing is trained.

    python docs/source/studies.py

Add results of your own first: cp -r studies/results/. docs/ledger/
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from unbraid.studies import claims_ledger
from unbraid.studies.nulls import with_nulls
from unbraid.studies.registry import studies
from unbraid.studies.results import find
from unbraid.studies.writing import tell, to_markdown

DOCS = Path(__file__).parents[1]
LEDGER, PAGES, CLAIMS = DOCS / "ledger", DOCS / "studies", DOCS / "claims.md"


def pages() -> dict[str, str]:
    """The text of each study's page, by its file's name; of studies that have runs in the ledger."""
    found = {}
    for entry in studies:
        results = find(entry.name, entry.factory(), "cpu", [LEDGER])
        if results.everything:
            results = with_nulls(results, [LEDGER], keep=None)
            found[f"{entry.name}.md"] = to_markdown(results, tell(results, entry.source))
    return found


def claims(linked: Iterable[str]) -> str:
    """The text of the page of all claims.

    Args:
        linked: names of the studies that have a page.
    """
    return claims_ledger.to_markdown(claims_ledger.decide_all([LEDGER]), list(linked))


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    made = pages()
    for name, text in made.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    CLAIMS.write_text(claims(name.removesuffix(".md") for name in made), encoding="utf-8")
