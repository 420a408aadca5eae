"""The command line as its users meet it: what it prints, what it leaves, how it fails."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unbraid
from helpers.command_line import FAST, run
from helpers.tiny import TINY
from unbraid.cli.main import main

KINDS = (
    "models",
    "datasets",
    "encoders",
    "decoders",
    "likelihoods",
    "posteriors",
    "priors",
    "rates",
    "metrics",
    "figures",
    "importers",
    "trackers",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", "beta_vae", TINY, *FAST, "--beta", "2.5", "--out", str(folder)]) == 0
    return folder


def test_help_is_quick_and_imports_no_torch():
    code = (
        "import sys; from unbraid.cli.main import main; main(['--help']); print(sorted(set(sys.modules) & {'torch', 'numpy'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "unbraid train beta_vae ellipses" in shown
    assert shown.endswith("[]\n")
    took = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "unbraid", "--help"], check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.3


def test_importing_the_package_imports_no_torch():
    code = "import sys, unbraid; dir(unbraid); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_train_prints_scores_and_leaves_a_whole_run_folder(capsys, tmp_path):
    code, out, err = run(capsys, "train", "beta_vae", TINY, *FAST, "--out", tmp_path / "run", "--evaluate-every", 6)
    assert code == 0
    for shown in ("nats per image", "Reconstruction, z drawn", "Loss as trained", "mig", "aam", "orientation", "report.html"):
        assert shown in out
    assert "images/s" in err
    assert "nll" in err
    assert "left" in err
    left = {path.name for path in (tmp_path / "run").iterdir()}
    files = {"config.json", "environment.json", "log.jsonl", "metrics.json", "codes.npz", "report.html", "checkpoints"}
    assert left - {".lock", ".unbraid"} == files | {"tensorboard"}


def test_the_same_command_says_that_it_has_finished(capsys, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    code, out, _ = run(capsys, "train", "beta_vae", TINY, *FAST, "--beta", "2.5", "--out", finished)
    assert code == 0
    assert "already finished at step 12" in out
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_default_folders_differ_by_configuration(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tokens in (["--beta", "1"], ["--beta", "2"], ["--beta", "2", "--seed", "7"]):
        assert run(capsys, "train", "beta_vae", TINY, *FAST, "--no-report", *tokens)[0] == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(names) == 3
    assert all(name.startswith(f"beta_vae-{TINY}-seed") for name in names)


def test_a_configuration_given_back_is_the_same_run(capsys, finished, tmp_path):
    config = finished / "config.json"
    code, out, _ = run(capsys, "train", "--config", config, "--out", finished, "--device", "cpu")
    assert code == 0
    assert "already finished" in out
    code, _, _ = run(capsys, "train", "--config", config, "--out", tmp_path / "other", "--seed", 4, "--no-report")
    assert code == 0
    old, new = (json.loads((folder / "config.json").read_text()) for folder in (finished, tmp_path / "other"))
    assert {key for key in old if old[key] != new[key]} == {"seed"}
    code, _, err = run(capsys, "train", "vae", TINY, "--config", config)
    assert code == 2
    assert "leave MODEL and DATA out" in err


def test_evaluate_and_report_can_be_run_alone(capsys, finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    for name in ("codes.npz", "metrics.json", "report.html"):
        (folder / name).unlink()
    code, out, _ = run(capsys, "evaluate", folder, "--metrics", "mig", "--evaluate-images", 100)
    assert code == 0
    assert "Metrics of 100 images" in out
    assert list(json.loads((folder / "metrics.json").read_text())["metrics"]) == ["mig"]
    code, out, _ = run(capsys, "report", folder)
    assert code == 0
    assert (folder / "report.html").is_file()
    code, _, err = run(capsys, "evaluate", folder, "--metrics", "mgi")
    assert (code, "Did you mean 'mig'" in err) == (2, True)


@pytest.mark.parametrize("kind", KINDS)
def test_list(capsys, kind):
    from unbraid.registries import REGISTRIES

    code, out, _ = run(capsys, "list", kind)
    assert code == 0
    for entry in REGISTRIES[kind]:
        assert entry.name in out
        assert entry.summary, f"{entry.name} has no docstring"
        assert entry.source, f"{entry.name} has no source"


def test_show_explains_everything_there_is(capsys):
    from unbraid.registries import REGISTRIES

    for registry in REGISTRIES.values():
        for entry in registry:
            code, out, _ = run(capsys, "show", entry.name)
            assert code == 0
            assert "Source:" in out
            for name, spec in entry.options.items():
                flag = name if entry.kind == "metric" else f"--{name.replace('_', '-')}"  # metrics' are arguments in Python
                assert flag in out
                assert spec.option.help, f"option {name} of {entry.name} has no help"


def test_show_prints_published_values_and_parameter_counts(capsys, monkeypatch):
    from unbraid.cli.console import out as console

    monkeypatch.setattr(console, "width", 200)
    code, out, _ = run(capsys, "show", "beta_vae")
    assert code == 0
    for shown in ("252,052", "249,953", "beta * KL", "Higgins et al. (2017)", "Locatello et al. (2019)", "Golla"):
        assert shown in out
    _, out, _ = run(capsys, "show", "burgess", "--image-shape", "3,64,64")
    assert "253,076" in out
    assert "250,979" in out


def test_a_budget_stands_for_settings_that_are_told_and_kept(capsys, tmp_path):
    tokens = ["train", "beta_vae", "ellipses", "--budget", "5m", "--steps", "2", "--batch-size", "16", "--beta", "2"]
    code, _, err = run(capsys, *tokens, "--no-report", "--out", tmp_path / "run")
    assert code == 0
    assert "Settings measured for 5m: beta_start 10, beta_warmup 0.9, lr 0.002" in err
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (kept["model_options"]["beta_start"], kept["lr"], kept["steps"]) == (10.0, 0.002, 2)
    _, out, _ = run(capsys, "train", "beta_vae", "shapes", "--budget", "5m", "--help")
    assert "[default: 7500]" in out
    code, _, err = run(capsys, "train", "--config", tmp_path / "run" / "config.json", "--budget", "5m")
    assert code == 2
    assert "give one of them" in err
    _, out, _ = run(capsys, "train", "--config", tmp_path / "run" / "config.json", "--steps", "70", "--help")
    assert "[default: 7]" in out, "checkpoints of the given length, not of that in the file"
    again = unbraid.train(
        "beta_vae", "ellipses", budget="5m", steps=2, batch_size=16, beta=2, out=tmp_path / "run", progress=False
    )
    assert again.folder == tmp_path / "run", "the same configuration, so the run that is there"


def test_help_of_train_lists_the_options_of_the_chosen_parts(capsys):
    code, out, _ = run(capsys, "train", "beta_vae_capacity", TINY, "--likelihood", "gaussian", "--help")
    assert code == 0
    for flag in ("--gamma", "--capacity-ramp", "--order", "--sigma", "--steps", "--extend", "--evaluate-every"):
        assert flag in out
    code, out, _ = run(capsys, "train", "--help")
    assert (code, "--steps" in out, "--gamma" in out) == (0, True, False)


WRONG = {
    "no command": (["trian"], 2, "Did you mean 'train'"),
    "no model": (["train"], 2, "needs a model and a data set"),
    "unknown model": (["train", "betavae", TINY], 2, "Did you mean 'beta_vae'"),
    "unknown data": (["train", "vae", "elipses"], 2, "Did you mean 'ellipses'"),
    "unknown option": (["train", "beta_vae", TINY, "--bta", "3"], 2, "--beta"),
    "no settings for the budget": (["train", "vae", TINY, "--budget", "1h"], 2, "There are some of beta_vae on ellipses (5m)"),
    "another model's option": (["train", "vae", TINY, "--beta", "3"], 2, "--beta"),
    "not a number": (["train", "beta_vae", TINY, "--beta", "four"], 2, "four"),
    "out of range": (["train", "beta_vae", TINY, "--beta", "-4"], 2, "at least 0"),
    "latent size 0": (["train", "beta_vae", TINY, "--latent-dim", "0"], 2, "at least 1"),
    "no value": (["train", "beta_vae", TINY, "--beta"], 2, "--beta"),
    "too many words": (["train", "beta_vae", TINY, "now"], 2, "now"),
    "bad choice": (["train", "beta_vae", "ellipses", "--size", "48"], 2, "32, 64"),
    "unknown encoder": (["train", "beta_vae", TINY, "--encoder", "burges"], 2, "Did you mean 'burgess'"),
    "size that does not fit": (
        ["train", "beta_vae", "fashion_mnist", "--size", "28", "--decoder", "burgess"],
        2,
        "32 x 32 or 64 x 64",
    ),
    "extend backwards": (["train", "beta_vae", TINY, "--steps", "9", "--extend", "3", "--out", "{tmp}/x"], 2, "before the end"),
    "device": (["train", "beta_vae", TINY, "--device", "abacus", "--out", "{tmp}/x"], 2, "allowed: auto, cpu"),
    "no such run": (["evaluate", "{tmp}/none"], 2, "There is no folder"),
    "no run given": (["report"], 2, "RUN"),
    "no such config": (["train", "--config", "{tmp}/none.json"], 2, "no such file"),
    "unknown list": (["list", "modells"], 2, "Did you mean 'models'"),
    "unknown name": (["show", "bernouli"], 2, "Did you mean 'bernoulli'"),
    "bad shape": (["show", "vae", "--image-shape", "64"], 2, "1,64,64"),
}


@pytest.mark.parametrize(("tokens", "code", "says"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_message_without_traceback(capsys, tmp_path, tokens, code, says):
    got, _, err = run(capsys, *(token.replace("{tmp}", str(tmp_path)) for token in tokens))
    assert got == code
    assert says in err
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="latent"):
        main(["train", "beta_vae", TINY, "--latent-dim", "0", "--debug"])


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"format": 1}', '{"format": 2}', "\x00\xff", "[" * 100_000])
def test_a_damaged_configuration_is_an_error_in_words(capsys, finished, tmp_path, text):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "config.json").write_text(text)
    for tokens in (["evaluate", folder], ["report", folder], ["train", "--config", folder / "config.json"]):
        code, _, err = run(capsys, *tokens)
        assert code == 1
        assert "config.json" in err
    code, _, err = run(capsys, "train", "beta_vae", TINY, *FAST, "--beta", "2.5", "--out", folder)
    assert (code, "config.json" in err) == (1, True)
    assert (folder / "config.json").read_text() == text


def altered(key: str, value: object, content: dict) -> dict:
    return {**content, key: value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", "16"), ("batch_size", 0), ("lr", None), ("lr", -1), ("model", 3), ("model", "nope"), ("seed", 1.5),
        ("image_shape", [1, 32]), ("image_shape", "x"), ("model_options", {"beta": "x"}), ("model_options", {"gamma": 1}),
        ("optimizer", "adamm"), ("steps", True), ("surprise", 1), ("encoder", "nope"), ("n_train", 1), ("extend", "x"),
    ],
)  # fmt: skip
def test_an_altered_configuration_is_an_error_in_words(capsys, finished, tmp_path, key, value):
    folder = shutil.copytree(finished, tmp_path / "run")
    config = folder / "config.json"
    config.write_text(json.dumps(altered(key, value, json.loads(config.read_text()))))
    code, _, err = run(capsys, "evaluate", folder)
    assert code in (1, 2)
    assert err.startswith("Error: ")


@pytest.mark.parametrize("name", ["codes.npz", "metrics.json"])
def test_damaged_scores_are_an_error_in_words(capsys, finished, tmp_path, name):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    code, _, err = run(capsys, "report", folder)
    assert code == 1
    assert name in err


def test_a_diverging_loss_names_step_player_and_term_and_keeps_the_last_good_checkpoint(capsys, tmp_path):
    folder = tmp_path / "run"
    tokens = ["train", "vae", TINY, "--steps", 60, "--batch-size", 16, "--optimizer", "sgd", "--lr", "1e6", "--out", folder]
    code, _, err = run(capsys, *tokens, "--log-every", 1, "--checkpoint-every", 1)
    assert code == 1
    assert "not finite" in err
    assert "Traceback" not in err
    for path in (folder / "checkpoints").iterdir():
        from unbraid.training.checkpoint import read_checkpoint

        assert all(bool(tensor.isfinite().all()) for tensor in read_checkpoint(path).weights.values())


def test_a_full_disk_is_an_error_that_keeps_what_was_there(capsys, tmp_path, monkeypatch):
    from unbraid.training import checkpoint

    folder = tmp_path / "run"
    tokens = ["train", "vae", TINY, *FAST, "--checkpoint-every", 4, "--out", folder]
    real, written = checkpoint._write_synced, []

    def write(path: Path, content: bytes) -> None:
        if len(written) >= 5:  # the second checkpoint runs out of space half way
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        real(path, content)

    monkeypatch.setattr(checkpoint, "_write_synced", write)
    code, _, err = run(capsys, *tokens)
    assert code == 1
    assert "No space left on device" in err
    assert "free some space" in err
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step_000000004"]
    monkeypatch.undo()
    assert run(capsys, *tokens)[0] == 0


def test_a_folder_that_cannot_be_written(capsys, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    code, _, err = run(capsys, "train", "vae", TINY, *FAST, "--out", tmp_path / "sealed" / "run")
    assert code == 1
    assert "Permission denied" in err
    assert "another --out" in err


def test_ctrl_c_checkpoints_and_prints_the_command_that_resumes(tmp_path):
    command = [sys.executable, "-m", "unbraid", "train", "beta_vae", "ellipses", "--steps", "100000", "--batch-size", "16"]
    command += ["--log-every", "1", "--out", str(tmp_path / "run"), "--no-report"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        log = tmp_path / "run" / "log.jsonl"
        while process.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    assert "with a checkpoint" in err
    resume = err.split("Resume with: ")[1].strip()
    assert resume == "unbraid train " + " ".join(command[4:])
    assert "Traceback" not in err
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 1


def test_a_reader_that_goes_away_does_not_stop_training(tmp_path):
    """`unbraid train ... 2>&1 | head -1`"""
    command = f"{sys.executable} -c 'import unbraid.training.bar as c; c.PLAIN_SECONDS = 0; import unbraid.cli.main as m; "
    command += "import sys; sys.exit(m.main(sys.argv[1:]))' train vae ellipses --steps 40 --batch-size 16 --no-report"
    shown = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --out {tmp_path}/run 2>&1 | head -1"], capture_output=True, check=False
    )
    assert shown.returncode == 0
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()][-1].startswith("step_")
    assert (tmp_path / "run" / "checkpoints" / "step_000000040").is_dir()
    listed = subprocess.run(["bash", "-c", f"set -o pipefail; {sys.executable} -m unbraid list models | true"], check=False)
    assert listed.returncode == 0


@pytest.mark.parametrize("name", ["j[/b]", "[red]j", "ü ö"])
def test_paths_are_shown_as_they_are(capsys, tmp_path, name):
    folder = tmp_path / name
    code, out, _ = run(capsys, "train", "vae", TINY, *FAST, "--no-report", "--out", folder)
    assert code == 0
    assert (folder / "config.json").is_file()
    assert name in out


def test_paths_that_are_no_text_are_refused(capsys, tmp_path):
    code, _, err = run(capsys, "train", "vae", TINY, *FAST, "--out", tmp_path / os.fsdecode(b"k\xff"))
    assert (code, "not printable text" in err) == (2, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "steps"), [("12", 12), ("1_2", 12), ("1.2e1", 12), ("12.0", 12), ("1.5", None), ("x", None), ("inf", None)]
)
def test_whole_numbers(capsys, tmp_path, given, steps):
    tokens = ["train", "vae", TINY, "--batch-size", "16", "--no-report", "--out", tmp_path / "run", "--steps", given]
    code, _, err = run(capsys, *tokens)
    if steps:
        assert json.loads((tmp_path / "run" / "config.json").read_text())["steps"] == steps
    else:
        assert (code, given in err) == (2, True)


def test_the_resume_command_never_overwrites():
    from unbraid.cli.train import _resume_tokens

    assert _resume_tokens(["vae", "x", "--overwrite"]) == _resume_tokens(["vae", "x", "--overwrite=true"]) == ["vae", "x"]


def test_options_may_stand_anywhere(capsys, tmp_path):
    orders = (
        ["--no-report", "--normalized", "beta_vae", TINY],
        ["beta_vae", "--normalized", TINY, "--no-report"],
        ["--normalized=true", "--no-report", "--", "beta_vae", TINY],
    )
    for number, order in enumerate(orders):
        out = ["--steps", "3", "--batch-size=16", "--out", str(tmp_path / str(number))]
        assert run(capsys, "train", *out, *order)[0] == 0
    configs = [(tmp_path / str(number) / "config.json").read_text() for number in range(3)]
    assert configs[0] == configs[1] == configs[2]
    config = tmp_path / "0" / "config.json"
    code, _, _ = run(capsys, "train", "--config", config, "--no-normalized", "--no-report", "--out", tmp_path / "off")
    assert code == 0
    assert json.loads((tmp_path / "off" / "config.json").read_text())["model_options"]["normalized"] is False


def test_unknown_metrics_and_devices_are_refused_before_any_work(capsys, finished, monkeypatch):
    monkeypatch.setattr("unbraid.evaluation.evaluate.encode_dataset", lambda *a, **k: pytest.fail("worked before it looked"))
    assert run(capsys, "evaluate", finished, "--metrics", "mgi")[0] == 2
    monkeypatch.setattr("unbraid.api.plan", lambda *a: pytest.fail("worked before it looked"))
    with pytest.raises(ValueError, match="abacus"):
        __import__("unbraid").train("vae", TINY, device="abacus")


def test_the_overview_fits_80_columns(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  train ") for line in lines)
    assert max(map(len, lines)) <= 80
