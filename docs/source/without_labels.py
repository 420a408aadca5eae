"""Write docs/without-labels.md: scores that need no labels, and what choosing runs by them gives away.

python docs/source/without_labels.py    # at once; measure again: python benchmarks/label_free.py FOLDER --pipe
"""

from __future__ import annotations

import json
from pathlib import Path

from tables import markdown

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "without-labels.md"
MEASURED = TEXT.parents[2] / "benchmarks" / "results" / "label_free.json"


def main() -> None:
    found = json.loads(MEASURED.read_text())
    rows = []
    for row in found["rows"]:
        numbers = [f"{row[name]:.2f}" for name in ("correlation", "chosen", "mean", "best", "regret")]
        rows.append([row["group"], f"{row['rule']}", str(row["runs"]), *numbers])
    head = ["data", "chosen by", "runs", "rank correlation", "chosen", "any run", "best", "regret"]
    page = TEXT.read_text()
    for name, said in {"regret": markdown(head, rows), "target": found["target"].upper()}.items():
        page = page.replace(f"{{{{ {name} }}}}", said)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
