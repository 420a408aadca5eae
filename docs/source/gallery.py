"""Draw every figure of docs/gallery.md by the command shown above it, and write the page.

python docs/source/gallery.py             # trains what is missing first, about an hour on one core
python docs/source/gallery.py --figures   # draws of the runs that are there
python docs/source/gallery.py --python    # runs the page's example in Python

The study of docs/source/zoo.py is a part of it; its runs are kept in runs/zoo and not trained again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unbraid.cli.main import main as unbraid
from zoo import DATA, METRIC_NAMES, SCORED, STUDIED, made, study_runs

TEXT = Path(__file__).with_suffix(".md")
PAGE = TEXT.parents[1] / "gallery.md"
IMAGES = PAGE.parent / "images" / "gallery"
LARGEST = 1_500_000
"""Bytes of all figures together."""
STUDY, RUNS = "runs/zoo/study", "runs/gallery"
TENS = " ".join(f"{RUNS}/beta{beta}-latents10" for beta in (1, 4, 16))
FIRST = f"{STUDY}/vae-0 {STUDY}/beta_tcvae-1 {STUDY}/factor_vae-0"
GRID = " ".join(f"{RUNS}/beta*-latents{latents}" for latents in (2, 5, 10))
EXAMPLE = """import numpy as np
import unbraid
from unbraid.figures import save, traversals

save(unbraid.figure("traversals", "runs/zoo/study/beta_tcvae-1", dims=5), "of_a_run.pdf")

model = unbraid.load("runs/zoo/study/beta_tcvae-1")                        # or any model: arrays are enough
images = unbraid.load_dataset("ellipses").images.bytes(np.arange(500))
kl = model.encode(images, distribution=True).kl.mean(0)
frames = np.rint(255 * model.traverse(images[0])).astype(np.uint8)         # (latent, step, channel, height, width)
save(traversals(frames, [f"z{j}" for j in range(10)], kl, n_rows=5, feet=("−2", "0", "+2")), "of_arrays.pdf")"""


@dataclass(frozen=True)
class Shown:
    """One figure of the page: what it is good for, its command's words, and the kind of file."""

    title: str
    name: str
    runs: str
    options: str = ""
    kind: str = "svg"

    @property
    def file(self) -> str:
        return f"{self.name}.{self.kind}"

    @property
    def words(self) -> str:
        return " ".join(part for part in ("figure", self.name, self.runs, self.options, "-o", self.file) if part)


FIGURES = (
    Shown("What each latent does", "traversals", f"{STUDY}/beta_tcvae-1", "--dims 5", "png"),
    Shown("The same, moving", "traversals", f"{STUDY}/beta_tcvae-1", "--dims 4", "gif"),
    Shown("One factor from two images", "paired_traversals", FIRST, "--factor x", "png"),
    Shown("Where in the image a latent looks", "position_maps", f"{STUDY}/beta_tcvae-1", "--dims 4 --by scale", "png"),
    Shown("Which latents stand for which factor", "assignment", FIRST),
    Shown("What latents know of factors", "information", f"{STUDY}/beta_tcvae-1"),
    Shown("What a forest predicts factors from", "importance", f"{STUDY}/beta_tcvae-1"),
    Shown("KL over training", "kl_over_training", f"{STUDY}/beta_tcvae-1"),
    Shown("Terms of the loss", "losses", f"{STUDY}/vae-0 {STUDY}/beta_tcvae-1"),
    Shown("Scores over training", "scores_over_training", TENS, "--scores mig,aam"),
    Shown("Reconstructions", "reconstructions", FIRST, "", "png"),
    Shown("How sharp they are", "spectrum", FIRST),
    Shown("Draws from the prior", "samples", FIRST, "--images 11", "png"),
    Shown("Random codes, near and far", "random_vectors", FIRST, "--images 8", "png"),
    Shown("From one image to another", "interpolation", f"{STUDY}/factor_vae-0", "--rows 4", "png"),
    Shown("Seeds, with intervals", "seeds", f"{STUDY}/*"),
    Shown("Disentanglement against reconstruction", "trade_off", f"{STUDY}/*"),
    Shown(
        "Rate and distortion over beta",
        "rate_distortion",
        GRID,
    ),
    Shown("A score over beta and the number of latents", "grid", f"{RUNS}/beta*", "--score mig"),
    Shown("Reconstructions over beta", "reconstructions_over", f"{RUNS}/beta*-latents10 {RUNS}/beta*-latents2", "", "png"),
    Shown("How few labels are enough", "label_efficiency", TENS),
    Shown("Weights with and without L2", "weights", f"{RUNS}/beta4-latents10 {RUNS}/l2"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true")
    parser.add_argument("--python", action="store_true")
    given = parser.parse_args()
    if given.python:
        exec(compile(EXAMPLE, "gallery.md", "exec"), {})
        return
    if not given.figures:
        for command in training():
            run(command)
    page = TEXT.read_text()
    parts = {
        "made": made(),
        "figures": "\n\n".join(section(shown) for shown in FIGURES),
        "python": EXAMPLE,
        "training": "\n".join(f"$ unbraid {command}" for command in training()),
    }
    for name, text in parts.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    PAGE.write_text(page)
    total = sum((IMAGES / shown.file).stat().st_size for shown in FIGURES)
    if total > LARGEST:
        raise SystemExit(f"The figures have {total:,} bytes together; allowed: {LARGEST:,}.")


def training() -> Iterator[str]:
    """Commands that train and score all runs; what is there already is left alone."""
    for folder, (model, options) in study_runs():
        given = " ".join(f"--{name} {value:g}" for name, value in (STUDIED | options).items())
        yield f"train {model} {DATA} {given} --no-report --out {folder}"
        yield f"evaluate {folder} --metrics {','.join(METRIC_NAMES)} --evaluate-images {SCORED} --intervals 0"
    shared = f"--steps 1500 --lr 0.001 --no-report --out {RUNS}"
    for latents in (10, 5, 2):
        for beta in (1, 4, 16):
            name = f"beta{beta}-latents{latents}"
            metrics = "mig,linear_probe" if latents == 10 else "mig"
            options = f"--beta {beta} --beta-warmup 0 --latent-dim {latents} --evaluate-every 100"
            yield f"train beta_vae {DATA} {options} {shared}/{name}"
            yield f"evaluate {RUNS}/{name} --metrics {metrics} --evaluate-images 5000 --intervals 0"
    yield f"train beta_vae {DATA} --beta 4 --beta-warmup 0 --latent-dim 10 --weight-decay 0.0001 {shared}/l2"


def section(shown: Shown) -> str:
    """Draw one figure; its title, command and picture with its caption."""
    said = run(shown.words.replace(shown.file, str(IMAGES / shown.file)) + " --overwrite")
    caption = said.split("\n", 1)[1].strip()
    command = shlex.join(["unbraid", *shown.words.split()]).replace("'", "")  # patterns are the shell's to fill in
    return f"## {shown.title}\n\n```console\n$ {command}\n```\n\n![{shown.title}](images/gallery/{shown.file})\n\n{caption}"


def run(command: str) -> str:
    """Run a command of unbraid's, patterns filled in; what it printed."""
    words = [name for word in command.split() for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = unbraid(words)
    if code:
        raise SystemExit(f"unbraid {command} failed with {code}.")
    return printed.getvalue()


if __name__ == "__main__":
    main()
