"""unbraid study as its users meet it: trained, killed, gone on with, made again from its ledger."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import environment, run, until
from helpers.small_runs import SMALL, small_file
from unbraid.studies.registry import studies
from unbraid.sweep.store import ledger

SCRIPT = """
import sys
from unbraid.cli.main import main
from unbraid.studies.declaration import Arm, Claim, Length, Study
from unbraid.studies.evidence import CURVE, RECONSTRUCTIONS, SHARES, SPECTRUM, TRAVERSALS, WEIGHTS
from unbraid.studies.measures import NLL, score
from unbraid.studies.parts import ScoreTable, Shown, Strips, WeightHistograms
from unbraid.studies.registry import studies
from unbraid.studies.rules import Better

OPTIONS = {options}
LENGTHS = {{"quick": Length(OPTIONS["batch_size"] * {steps}, 3)}}
VAE = Arm("VAE", "vae", "npz:spots.npz", OPTIONS, LENGTHS)
BETA = Arm("β 4", "beta_vae", "npz:spots.npz", {{**OPTIONS, "beta": 4}}, LENGTHS)


@studies.register("small", source="Nobody (2021)")
def small():
    \"\"\"A small study.\"\"\"
    return Study(
        "Does it work?", (VAE, BETA),
        (Claim("β is better", "I", Better(BETA, VAE, score("mig"), 0.05)),),
        (ScoreTable("Scores", (VAE, BETA), (score("mig"), NLL)), Strips("Runs", (VAE, BETA), (score("mig"),)),
         Shown("Pictures", (VAE, BETA), "traversals", "Latents."), WeightHistograms("Weights", (VAE, BETA))),
        metrics=("mig",), scored={{"quick": 64}}, explorer=(VAE, BETA),
        evidence=(SHARES, CURVE, SPECTRUM, WEIGHTS, RECONSTRUCTIONS, TRAVERSALS),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


def begin(folder: Path, *tokens: str, steps: int = 6) -> subprocess.Popen[str]:
    small_file(folder)
    options = {name: value for name, value in SMALL.items() if name != "steps"}
    (folder / "script.py").write_text(SCRIPT.format(options=options, steps=steps), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "script.py", *tokens],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], code: int = 0) -> str:
    text, _ = process.communicate(timeout=300)
    assert process.returncode == code, text
    return text


TRAIN = ("study", "small", "--budget", "quick", "--device", "cpu", "--workers", "1")


def test_a_killed_study_goes_on_and_its_ledger_makes_the_page_again(tmp_path: Path) -> None:
    process = begin(tmp_path, *TRAIN, steps=60)
    until(lambda: (tmp_path / "studies" / "results").is_dir() and list(ledger(tmp_path / "studies")))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    first = {result.key: result.finished for result in ledger(tmp_path / "studies")}
    assert 1 <= len(first) < 6
    text = end(begin(tmp_path, *TRAIN, steps=60))
    assert "from 6 runs." in text
    results = {result.key: result.finished for result in ledger(tmp_path / "studies")}
    assert len(results) == 6
    assert first.items() <= results.items()
    page = (tmp_path / "studies" / "small.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert page.count("<svg") == 2
    assert "PCA" in page
    content = json.loads((tmp_path / "studies" / "small.json").read_text(encoding="utf-8"))
    assert [len(arm["runs"]) for arm in content["arms"].values()] == [3, 3]

    text = end(begin(tmp_path, *TRAIN, "--explorer", steps=60))
    assert "The explorer: studies/small-explorer.html" in text
    assert len(re.findall(r'id="file-model\d-step60-weights"', (tmp_path / "studies" / "small-explorer.html").read_text())) == 2

    elsewhere = tmp_path / "clone"
    elsewhere.mkdir()
    shutil.copytree(tmp_path / "studies" / "results", elsewhere / "kept")
    again = end(begin(elsewhere, "study", "small", "--budget", "quick", "--ledger", "kept", steps=60))
    assert "No run is missing." in again
    assert "a ledger holds no models" in end(begin(elsewhere, *TRAIN, "--ledger", "kept", "--explorer", steps=60), code=2)
    assert not (elsewhere / "studies" / "runs").exists()
    assert (elsewhere / "studies" / "small.md").read_text(encoding="utf-8") == (tmp_path / "studies" / "small.md").read_text(
        encoding="utf-8"
    )


def test_what_is_refused(tmp_path: Path) -> None:
    text = run(tmp_path, "study", "ellipse-decoder", code=2)
    assert "ellipse-decoders" in text
    text = run(tmp_path, "study", "ellipse-decoders", "--explorer", code=2)
    assert "ellipse-decoders names no arms for an explorer page" in text
    text = run(tmp_path, "study", "ellipse-decoders", "--ledger", "nowhere", code=2)
    assert "--ledger nowhere: there is no such folder." in text
    (tmp_path / "empty").mkdir()
    text = run(tmp_path, "study", "ellipse-decoders", "--ledger", "empty", code=2)
    assert "No run of ellipse-decoders was found in empty. Train them: unbraid study ellipse-decoders --budget" in text
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("words", [("list", "studies"), ("show", "study", "ellipse-decoders"), ("show", "ellipse-decoders")])
def test_studies_are_listed_and_shown(tmp_path: Path, words: tuple[str, ...]) -> None:
    text = run(tmp_path, *words)
    assert "ellipse-decoders" in text
    if "show" in words:
        assert "--budget cpu: 66 runs" in " ".join(text.split())
        assert "“learnt a more disentangled" in " ".join(text.split())


def test_claims_are_listed_with_their_verdicts(tmp_path: Path) -> None:
    text = " ".join(run(tmp_path, "list", "claims").split())
    for entry in studies:
        assert f"{entry.name}: " in text
    claims = sum(len(entry.factory().claims) for entry in studies)
    assert f"{claims} claims: " in text
    assert "reversed" in text
