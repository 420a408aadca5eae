"""`unbraid evaluate --codes`, `unbraid evaluate --encoder` and `unbraid audit`: what they print, write and leave alone."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.codes import CodeTable
from unbraid.data.dataset import load_dataset
from unbraid.errors import UnbraidError
from unbraid.metrics import audit, evaluate, gather, r2


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    from unbraid.cli import console

    monkeypatch.setattr(console.out, "width", 160)
    monkeypatch.chdir(tmp_path)

    def run(*tokens: object, code: int = 0) -> str:
        assert main([str(token) for token in tokens]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return out if code == 0 else err

    return run


@pytest.fixture
def codes(tmp_path):
    """A file of codes, and the same as samples."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, (300, 2))
    mean = np.hstack([factors + rng.normal(size=(300, 2)) * 0.4, rng.normal(size=(300, 1))])
    variance = np.full_like(mean, 0.16)
    names = ("kind", "size")
    np.savez(tmp_path / "codes.npz", mean=mean, variance=variance, factors=factors, factor_names=names, untrained=mean[::-1])
    return tmp_path / "codes.npz", gather(mean, factors, variance=variance, factor_names=names), mean[::-1]


def test_codes_are_scored_as_python_scores_them(command, codes):
    path, samples, untrained = codes
    page = command("evaluate", "--codes", path, "--metrics", "mig,dci", "--intervals", "3", "--seed", "1")
    table = evaluate(samples, metrics=["mig", "dci"], intervals=3, seed=1, untrained=untrained)
    written = json.loads((path.parent / "codes.scores.json").read_text())
    assert written["metrics"] == json.loads(json.dumps(table.scores))
    assert {name: written[name] for name in ("samples", "latents", "variances", "factors", "seed", "intervals")} == {
        "samples": 300,
        "latents": 3,
        "variances": True,
        "factors": {"kind": 4, "size": 4},
        "seed": 1,
        "intervals": 3,
    }
    assert "300 samples. Latents, with variances: z0, z1, z2." in page
    row = next(line.split() for line in page.splitlines() if line.split()[:1] == ["mig"])
    shown = [table["mig"][key] for key in ("score", "chance", "untrained", "ceiling")]
    assert row[1:] == [f"{value:.3f}" for value in shown]
    assert "No interval for mig, dci disentanglement" in page
    assert table["mig"]["no_interval"] in " ".join(page.split())
    assert "codes.scores.json" in page


def test_scores_are_corrected_for_null_encoders_when_asked(command, codes):
    path, samples, _ = codes
    page = command("evaluate", "--codes", path, "--metrics", "sap,mig_sup", "--intervals", "0", "--nulls", "4")
    table = evaluate(samples, metrics=["sap", "mig_sup"], intervals=0, nulls=4)
    written = json.loads((path.parent / "codes.scores.json").read_text())["metrics"]
    assert written["sap"]["nulls"] == json.loads(json.dumps(table["sap"]["nulls"]))
    words = " ".join(page.split())
    assert "Null encoders, mean ± standard deviation over draws" in words
    assert f"{table['sap']['null']:.3f}" in page
    assert f"{table['sap']['nulls']['linear']['mean']:.3f} ± {table['sap']['nulls']['linear']['sd']:.3f}" in words
    assert "Not corrected for copied: mig_sup; it leaves less than 20% of the metric's range." in words
    assert "nulls is 1; allowed: 0 for none" in command("evaluate", "--codes", path, "--nulls", "1", "--overwrite", code=2)


def test_a_factor_of_one_value_is_left_out_and_all_others_are_scored(command, tmp_path):
    rng = np.random.default_rng(0)
    factors = np.column_stack([rng.integers(0, 3, 400), np.zeros(400, int), rng.integers(0, 4, 400)])
    mean = factors + rng.normal(size=factors.shape) * 0.3
    np.savez(tmp_path / "codes.npz", mean=mean, factors=factors, factor_names=("kind", "color", "size"))
    for form in (("evaluate", "--codes"), ("audit",)):
        page = command(*form, tmp_path / "codes.npz", "--metrics", "mig")
        assert "color" in page
    for name in ("codes.scores.json", "codes.audit.json"):
        written = json.loads((tmp_path / name).read_text())
        assert written["factors"] == {"kind": 3, "color": 1, "size": 4}
        assert written["metrics"]["mig"]


def test_files_of_scores_are_replaced_only_when_asked(command, codes):
    path = codes[0]
    fast = ("evaluate", "--codes", path, "--metrics", "mig", "--intervals", "0")
    command(*fast, "--out", "deep/mine.json")
    before = json.loads((path.parent / "deep" / "mine.json").read_text())
    assert "already" in command(*fast, "--out", "deep/mine.json", code=2)
    command(*fast, "--out", "deep/mine.json", "--overwrite", "--factors", "size")
    after = json.loads((path.parent / "deep" / "mine.json").read_text())
    assert (list(before["factors"]), list(after["factors"])) == (["kind", "size"], ["size"])
    assert sorted(file.name for file in path.parent.iterdir()) == ["codes.npz", "deep"]


def test_columns_that_are_taken_for_something_are_named(command, tmp_path):
    rows = "\n".join(f"{i % 3 + 0.25},{i % 5},{'ab'[i % 2]},{i}" for i in range(40))
    (tmp_path / "c.csv").write_text(f"width,x,kind,row\n{rows}\n")
    page = command(
        "evaluate", "--codes", "c.csv", "--factors", "x", "--latents", "width", "--metrics", "mig", "--intervals", "0"
    )
    assert "Latents, without variances: width." in page
    assert "Factors, with their numbers of values: x (5)." in page
    assert "Left out: kind, row." in page


def test_continuous_factors_of_codes_are_named(command, tmp_path):
    rng = np.random.default_rng(0)
    kind, angle = rng.integers(0, 3, 200), rng.uniform(0, 3, 200)
    rows = ["z0,z1,kind,angle", *(f"{k + e},{a},{k},{a}" for k, a, e in zip(kind, angle, rng.normal(size=200), strict=True))]
    (tmp_path / "codes.csv").write_text("\n".join(rows))
    page = command("evaluate", "--codes", "codes.csv", "--continuous", "angle", "--metrics", "mig", "--intervals", "0")
    assert "kind (3), angle (continuous)." in page
    written = json.loads((tmp_path / "codes.csv.scores.json").read_text())
    assert written["factors"] == {"kind": 3, "angle": 0}
    assert "kind" in written["metrics"]["mig"]["per_factor"]


@pytest.fixture
def drawn(tmp_path):
    """A table of codes of a class, a line and an angle."""
    rng = np.random.default_rng(0)
    kind, x, angle = rng.integers(0, 3, 400), rng.uniform(size=400), rng.uniform(0, 360, 400)
    codes = np.stack([kind, x, np.cos(np.radians(angle)), np.sin(np.radians(angle))], 1) + 0.01 * rng.normal(size=(400, 4))
    rows = "\n".join(",".join(map(str, row)) for row in zip(*codes.T, kind, x, angle, np.arange(400), strict=True))
    (tmp_path / "c.csv").write_text(f"z0,z1,z2,z3,kind,x,angle,row\n{rows}\n")
    return codes, np.stack([kind, x, angle], 1)


def test_what_factors_are_taken_for_is_told_and_can_be_said(command, drawn):
    codes, factors = drawn
    scored = ("evaluate", "--codes", "c.csv", "--factors", "kind,x,angle", "--metrics", "mig,r2,irs", "--intervals", "0")
    page = command(*scored)
    assert "Factors, with their numbers of values: kind (3), x (continuous), angle (continuous)." in page
    assert "To say otherwise: --classes NAME" in page
    assert "leave out x, angle" in page
    page = command(*scored, "--cyclic", "angle=360", "--overwrite")
    assert "kind (3), x (continuous), angle (cyclic, period 360)" in page
    written = json.loads(Path("c.csv.scores.json").read_text())
    assert written["factors"] == {"kind": 3, "x": 0, "angle": 0}
    samples = gather(codes, factors, factor_names=["kind", "x", "angle"], cyclic={"angle": 360.0})
    assert written["metrics"]["r2"]["per_factor"] == pytest.approx(r2(samples)["per_factor"])
    assert written["metrics"]["r2"]["per_factor"]["angle"] > 0.99
    page = command(*scored, "--continuous", "kind", "--overwrite")
    assert "kind (continuous), x (continuous), angle (continuous)" in page
    assert "400 different values in 400 samples" in command(*scored, "--classes", "x", "--overwrite", code=2)
    table = command("audit", "c.csv", "--factors", "kind,x,angle", "--metrics", "mig", "--quick", "--cyclic", "angle=360")
    assert "angle (cyclic, period 360)" in table
    by_factor = json.loads(Path("c.csv.audit.json").read_text())["metrics"]["mig"]["default"]["per_factor"]
    assert set(by_factor) == {"kind", "x", "angle"}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (["--cyclic", "angle"], "--cyclic angle: give a name and how far it goes once around, as in angle=360"),
        (["--cyclic", "angle=-1"], "give a name and how far it goes once around"),
        (["--continuous", "nope"], "Unknown factor 'nope'"),
        (["--cyclic", "nope=1"], "Unknown factor 'nope' in --continuous or --cyclic"),
        (["--continuous", "x", "--classes", "x"], "said to have classes and to be continuous"),
    ],
)
def test_what_is_said_of_factors_is_checked(command, drawn, said, says):
    scored = ("evaluate", "--codes", "c.csv", "--metrics", "mig", "--intervals", "0", *said)
    assert says in command(*scored, "--factors", "kind,x,angle", code=2)


def test_an_audit_shows_every_definition(command, codes):
    path, samples, _ = codes
    page = command("audit", path, "--metrics", "mig,dci", "--quick")
    table = audit(samples, metrics=["mig", "dci"], quick=True)
    written = json.loads((path.parent / "codes.audit.json").read_text())
    assert written["metrics"] == json.loads(json.dumps(table.scores))
    lines = page.splitlines()
    for definition, node in table["mig"].items():
        row = next(line for line in lines if line.strip().startswith(definition))
        assert f"{node['score']:.3f}" in row
        assert f"{node['ceiling']:.3f}" in row
    assert "takes minutes" in next(line for line in lines if line.strip().startswith("gbt"))


def test_an_audit_says_how_continuous_factors_were_read(command, drawn):
    page = command("audit", "c.csv", "--factors", "kind,x,angle", "--cyclic", "angle=360", "--metrics", "mig", "--quick")
    assert "kind (3), x (continuous), angle (cyclic, period 360)" in page
    assert "by 3 nearest neighbors" in " ".join(page.split())
    row = next(line for line in page.splitlines() if line.strip().startswith("x ")).split()
    written = json.loads(Path("c.csv.audit.json").read_text())["information"]
    assert list(written) == ["x", "angle"]
    assert row == ["x", "z1", *(f"{written['x'][key]:.3f}" for key in ("information", "shuffled", "half", "copy"))]


def test_an_audit_of_a_run_reads_its_codes(command, tmp_path):
    small = ("--encoder", "mlp", "--encoder-width", "8", "--decoder", "mlp", "--decoder-width", "8", "--no-report")
    command("train", "vae", TINY, "--steps", "2", "--batch-size", "16", "--latent-dim", "3", *small, "--out", "run")
    command("evaluate", "run", "--metrics", "sap", "--intervals", "0")
    command("audit", "run", "--metrics", "mig")
    written = json.loads((tmp_path / "run" / "codes.audit.json").read_text())
    with np.load(tmp_path / "run" / "codes.npz") as table:
        samples = gather(
            table["mean"], table["factors"], variance=table["variance"], factor_names=table["factor_names"].tolist()
        )
    assert written["metrics"]["mig"]["chen2018"]["score"] == audit(samples, metrics=["mig"])["mig"]["chen2018"]["score"]
    table = CodeTable.load(tmp_path / "run" / "codes.npz")
    replace(table, variance=np.zeros_like(table.variance)).save(
        tmp_path / "run" / "codes.npz"
    )  # as of encoders that give points
    page = command("audit", "run", "--metrics", "sap", "--overwrite", "--factors", "scale,x")
    assert "without variances" in page
    assert "x (4), scale (3)." in page


def test_an_encoder_is_scored_on_a_data_set(command, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from helpers.onnx_models import encoder, weights

    encoder(tmp_path / "e.onnx", outputs=("mu", "logvar", "hidden"))
    page = command("evaluate", "--encoder", "e.onnx", "--data", TINY, "--metrics", "mig", "--test-share", "0.5")
    assert "240 images of tiny_ellipses. Latents: 3 from the output mu, variances from logvar." in page
    assert "Outputs left out: hidden." in page
    data = load_dataset(TINY)
    means = data.images.floats(np.arange(240)).reshape(240, -1).astype(np.float64) @ weights(1024, 3).astype(np.float64)
    samples = gather(means, data.factors, variance=np.exp(means / 2 - 1), factor_names=data.space.names)
    written = json.loads((tmp_path / "e.scores.json").read_text())
    assert written["metrics"]["mig"]["score"] == pytest.approx(evaluate(samples, metrics=["mig"])["mig"]["score"], abs=1e-3)
    assert "interval" not in written["metrics"]["mig"]  # these are all images there are
    some = ("--evaluate-images", "100", "--out", "some.json")
    command("evaluate", "--encoder", "e.onnx", "--data", TINY, "--metrics", "sap", "--intervals", "2", *some)
    part = json.loads((tmp_path / "some.json").read_text())
    assert (part["samples"], len(part["metrics"]["sap"]["interval"])) == (100, 2)


def test_help_explains_each_form(command):
    assert "--codes" in command("evaluate", "--help")
    assert "--latents" in command("evaluate", "--codes", "--help")
    assert "--evaluate-images" in command("evaluate", "--encoder", "--help")
    assert "--quick" in command("audit", "--help")


def test_show_says_how_to_read_a_metric(command):
    page = " ".join(command("show", "mig").split())
    assert "Computes mean over factors of (best - second best information) / entropy of the factor" in page
    assert "Range: 0 to 1" in page
    assert "A perfect code scores: 1; by locatello2019 less" in page
    assert "definition='chen2018'" in page
    assert "needs posterior variances" in page
    assert "--definition" not in page
    assert "takes minutes" in command("show", "dci")


def test_scores_of_a_table_and_of_an_archive_of_one_name_are_two_files(command, codes):
    path, samples, _ = codes
    rows = [",".join(map(str, (*code, *classes))) for code, classes in zip(samples.codes, samples.factors, strict=True)]
    path.with_suffix(".csv").write_text("\n".join(["z0,z1,z2,kind,size", *rows]))
    for name in ("codes.npz", "codes.csv"):
        command("evaluate", "--codes", path.with_name(name), "--metrics", "sap", "--intervals", "0")
    written = [json.loads(path.with_name(name).read_text())["of"] for name in ("codes.scores.json", "codes.csv.scores.json")]
    assert written == ["codes.npz", "codes.csv"]


@pytest.mark.parametrize("form", [("evaluate", "--codes"), ("audit",)])
def test_what_cannot_be_done_is_refused_before_anything_is_scored(command, codes, form, monkeypatch, tmp_path):
    path, before = codes[0], sorted(tmp_path.iterdir())
    for module in ("evaluate", "audit"):
        monkeypatch.setattr(import_module(f"unbraid.metrics.{module}"), module, None)
    below = command(*form, path, "--out", path / "deep" / "x.json", code=2)
    assert f"x.json cannot be written: {path} is a file, not a folder. Give another name." in below
    monkeypatch.setattr("os.access", lambda *asked: False)
    assert f"cannot be written: you may not write in the folder {tmp_path}" in command(*form, path, code=2)
    monkeypatch.setattr("unbraid.data.codes.files.read_codes", None)
    assert "Unknown metric 'mgi'. Did you mean 'mig'?" in command(*form, path, "--metrics", "mgi", code=2)
    assert sorted(tmp_path.iterdir()) == before


def test_scores_are_shown_even_where_they_cannot_be_written(command, codes, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise UnbraidError("Could not write scores.json: No space left on device.")

    monkeypatch.setattr("unbraid.files.write_json", full)
    for form in (("evaluate", "--intervals", "0", "--codes"), ("audit", "--quick")):
        assert main([*form, str(codes[0]), "--metrics", "mig"]) == 1
        out, err = capsys.readouterr()
        assert " mig " in out
        assert "Could not write scores.json" in err
        assert "Scores:" not in out


def test_runs_and_files_that_are_taken_for_each_other_are_told_apart(command, codes, tmp_path):
    run, path = tmp_path / "run", codes[0]
    run.mkdir()
    both = command("evaluate", run, "--codes", path, code=2)
    assert f"{run} are not scored together; give one of them." in both
    assert "files of codes are scored one at a time" in command("evaluate", path, path, code=2)
    assert f"--codes {path} and {path} are not scored together" in command("evaluate", path, "--codes", path, code=2)
    assert "--latents" in command("evaluate", path, path, "--help")
    assert f"There is no file '{run}', but a folder; give the path of the file" in command("evaluate", "--codes", run, code=2)
    assert "is no run: it holds no codes.npz and no config.json" in command("audit", run, code=2)
    np.savez(run / "codes.npz", mean=codes[2])
    said = command("evaluate", "--codes", run, code=2)
    assert f"{run} is a run folder; score the run (unbraid evaluate {run}), or its {run / 'codes.npz'}." in said
