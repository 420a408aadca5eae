"""Draw the pictures of docs/concepts/in-pictures.md and the one that moves in README.md.

python docs/source/pictures.py            # trains two models first where they are missing, ten minutes on one core
python docs/source/pictures.py disagree   # that picture alone; it needs no model
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from unbraid.cli.main import main as unbraid
from unbraid.codes import CodeTable
from unbraid.figures import save
from unbraid.figures.heatmaps import cells
from unbraid.figures.style import FAINT, INK, PALE, PAPER, canvas, drawing, kind_of, panels
from unbraid.files import read_json
from unbraid.metrics import evaluate

IMAGES = Path(__file__).parents[1] / "images"
BETA, PLAIN = Path("runs/pictures/beta_vae"), Path("runs/pictures/vae")
TRAINED = {BETA: ["beta_vae"], PLAIN: ["vae", "--steps", "4500"]}
ALL = 61_440
"""Images of the data set."""
SHOWN = ("mig", "dci", "sap", "modularity", "infomec", "factor_vae_score", "beta_vae_score", "explicitness")


def train() -> None:
    """The two models of the pictures; what is trained already stays."""
    for folder, words in TRAINED.items():
        asked = [words[0], "ellipses", *words[1:], "--out", str(folder)]
        assert unbraid(["train", *asked]) == 0
        if read_json(folder / "metrics.json", "scores")["images"] < ALL:  # of a part, mutual information is too small
            assert unbraid(["evaluate", str(folder), "--evaluate-images", str(ALL), "--intervals", "0"]) == 0


def grid() -> np.ndarray:
    """Two independent factors of eight values each, every combination sixteen times."""
    return np.stack(np.unravel_index(np.arange(1024) % 64, (8, 8)), 1)


def example_codes() -> dict[str, np.ndarray]:
    """Codes of `grid` that know both factors without a doubt, arranged in different ways."""
    x, y = ((grid() - 3.5) / 3.5).T
    angle = 2 * np.pi * grid()[:, 0] / 8
    turned = np.pi / 4
    return {
        "one latent each": np.stack([x, y], 1),
        "x stored twice": np.stack([x, -x, y], 1),
        "x as an angle, in two latents": np.stack([np.cos(angle), np.sin(angle), y], 1),
        "rotated by 45 degrees": np.stack(
            [np.cos(turned) * x - np.sin(turned) * y, np.sin(turned) * x + np.cos(turned) * y], 1
        ),
        "both in one latent": (8 * grid()[:, 0] + grid()[:, 1])[:, None] / 63.0,
    }


def disagreement() -> tuple[list[str], list[str], np.ndarray]:
    """Arrangements, metrics, and the score of each arrangement by each metric."""
    codes = example_codes()
    names: list[str] = []
    rows = []
    for one in codes.values():
        table = evaluate(one, grid(), metrics=SHOWN, intervals=0, references=False)
        found = {name: float(table[name]["score"]) for name in SHOWN}
        names = list(found)
        rows.append(list(found.values()))
    return list(codes), names, np.array(rows)


def disagree() -> None:
    """The same knowledge in five arrangements, by eight metrics."""
    rows, columns, values = disagreement()
    texts = np.array([[f"{value:.2f}" for value in row] for row in values], dtype=object)
    names = [name.replace("_score", "").replace("_", " ").replace(" ", "\n") for name in columns]
    save(cells(values, rows, names, texts=texts, limits=(0, 1), cell=(92, 34)), IMAGES / "disagree.svg", overwrite=True)


def posteriors() -> None:
    """Latents against the factor that each knows best, as means with one standard deviation to either side."""
    table = CodeTable.load(BETA / "codes.npz")
    shares = np.array(read_json(BETA / "metrics.json", "scores")["information_shares"])
    order = table.order()
    chosen = [*order[:3], order[-1]]
    rows = np.random.default_rng(0).permutation(len(table))[:150]
    with drawing():
        figure, axes = panels(4, 4, 220, 250)
        for place, (ax, latent) in enumerate(zip(axes, chosen, strict=True)):
            k = int(np.argmax(shares[latent])) if place < 3 else 0
            at = table.factors[rows, k]
            ax.errorbar(
                at,
                table.mean[rows, latent],
                np.sqrt(table.variance[rows, latent]),
                fmt="o",
                markersize=3,
                linewidth=0.8,
                color=kind_of(0)[0] if place < 3 else FAINT,
                ecolor=PALE,
            )
            ax.set_ylim(-3.2, 3.2)
            ax.set_title(f"z{latent}: {table.kl[latent]:.1f} nats")
            ax.set_xlabel(table.factor_names[k])
    save(figure, IMAGES / "posteriors.png", overwrite=True)


def kl_parts() -> None:
    """The three parts of the KL of both models, in nats per image."""
    words = {"mi": "mutual information", "tc": "total correlation", "dimension_wise_kl": "dimension-wise KL"}
    with drawing():
        figure, ax = canvas(640, 190)
        for place, folder in enumerate((PLAIN, BETA)):
            parts = read_json(folder / "metrics.json", "scores")["kl_parts"]
            left = 0.0
            for kind, part in enumerate(words):
                value = parts[part] if isinstance(parts[part], float) else parts[part]["value"]
                label = words[part] if place == 0 else None
                ax.barh(-place, value, left=left, height=0.55, color=kind_of(kind)[0], edgecolor=PAPER, label=label)
                if value > 0.6:
                    ax.text(left + value / 2, -place, f"{value:.1f}", ha="center", va="center", color=PAPER)
                left += value
            ax.text(left + 0.15, -place, f"{left:.1f}", va="center", color=INK)
        ax.set_yticks([0, -1], ["VAE", "β-VAE, β = 4"])
        ax.set_xlabel("KL to the prior, nats per image")
        ax.grid(visible=False)
        figure.legend(loc="outside upper center", ncols=3)
    save(figure, IMAGES / "kl_parts.svg", overwrite=True)


def drawn_by_command(*words: str) -> None:
    """A figure as `unbraid figure` draws it."""
    assert unbraid(["figure", *words, "--overwrite"]) == 0


def traversals() -> None:
    """One row per latent of the beta-VAE, and the same moving."""
    drawn_by_command("traversals", str(BETA), "--dims", "4", "-o", str(IMAGES / "latents.png"))
    drawn_by_command("traversals", str(BETA), "--dims", "3", "-o", str(IMAGES / "moving.gif"))


def pairs() -> None:
    """A latent of each model, moved from two images."""
    drawn_by_command("paired_traversals", str(PLAIN), str(BETA), "--factor", "x", "-o", str(IMAGES / "two_images.png"))
    drawn_by_command("position_maps", str(PLAIN), "--dims", "3", "-o", str(IMAGES / "maps_vae.png"))
    drawn_by_command("position_maps", str(BETA), "--dims", "3", "-o", str(IMAGES / "maps_beta_vae.png"))


PICTURES: dict[str, Callable[[], None]] = {
    "disagree": disagree,
    "posteriors": posteriors,
    "kl_parts": kl_parts,
    "traversals": traversals,
    "pairs": pairs,
}


def main(asked: list[str]) -> None:
    if asked != ["disagree"]:
        train()
    for name in asked or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
