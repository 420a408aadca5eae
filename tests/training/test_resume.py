"""A run that stopped, however it stopped, ends bit for bit where an uninterrupted one ends."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.resuming import StopAt, assert_same_run, damage, final
from unbraid.cli.main import main
from unbraid.errors import ConfigMismatch, CorruptFile, Interrupted, UnbraidError, UnbraidWarning, UsageError
from unbraid.training.checkpoint import list_checkpoints, read_checkpoint
from unbraid.training.log import read_log


@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd"}, {"optimizer": "adagrad", "likelihood": "gaussian"}])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_resumes_to_the_same_end(train_small, tmp_path, options, number):
    whole = train_small("whole", **options)
    for step in (3, 13, 21):
        with pytest.raises(Interrupted, match=rf"Stopped after step {step + 1} of 24, with a checkpoint"):
            train_small("parts", monitor=StopAt(step, number), **options)
    resumed = train_small("parts", **options)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    assert resumed.step == whole.step == 24


def test_evaluation_and_checkpoints_do_not_change_the_end(train_small, tmp_path):
    train_small("watched")
    train_small("plain", evaluate_every=0, checkpoint_every=24)
    weights = [final(tmp_path / name)["model.safetensors"] for name in ("watched", "plain")]
    assert weights[0] == weights[1]
    kinds = [entry.kind for entry in read_log(tmp_path / "watched" / "log.jsonl")]
    assert kinds.count("evaluation") == 3
    assert kinds.count("train") == 5  # steps 5, 10, 15, 20 and the last


def test_another_seed_ends_elsewhere(train_small, tmp_path):
    train_small("zero")
    train_small("one", seed=1)
    assert final(tmp_path / "zero")["model.safetensors"] != final(tmp_path / "one")["model.safetensors"]


def test_a_finished_run_is_left_alone(train_small, tmp_path):
    train_small()
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert train_small().step == 24
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def test_extending_goes_on_with_the_old_schedules(train_small, tmp_path):
    options = {"model": "beta_vae_capacity", "capacity_ramp": 0.5}
    train_small("twice", **options)
    train_small("twice", extend=40, **options)
    assert train_small("twice", **options).step == 40  # the plain command still means the extended run
    train_small("once", extend=40, **options)
    assert final(tmp_path / "twice") == final(tmp_path / "once")
    last = [entry for entry in read_log(tmp_path / "once" / "log.jsonl") if entry.kind == "train"][-1]
    assert last.step == 40
    assert last.values["capacity"] == 25.0
    with pytest.raises(UsageError, match="before the end"):
        train_small("once", extend=3, **options)
    again = ["train", "--config", str(tmp_path / "once" / "config.json"), "--out", str(tmp_path / "again")]
    assert main([*again, "--device", "cpu", "--no-report"]) == 0
    assert final(tmp_path / "again") == final(tmp_path / "once")


def test_another_configuration_is_refused_and_named(train_small, tmp_path):
    train_small()
    before = final(tmp_path / "run")
    with pytest.raises(ConfigMismatch, match=r"batch_size: 16 there, 8 now.*lr: 0.\d+ there, 0.5 now"):
        train_small(lr=0.5, batch_size=8)
    with pytest.raises(ConfigMismatch, match=r"It differs in beta: 4.0 there, 2.0 now. Give another --out"):
        train_small(beta=2.0)
    with pytest.raises(ConfigMismatch, match=r"It differs in model: 'beta_vae' there, 'vae' now(?!.*beta:)"):
        train_small(model="vae")
    with pytest.raises(ConfigMismatch, match=r"steps: 24 there, 30 now.*give the former command with --extend 30. Give"):
        train_small(steps=30)
    with pytest.raises(ConfigMismatch, match=r"steps: 24 there, 10 now(?!.*--extend)"):
        train_small(steps=10)
    assert final(tmp_path / "run") == before
    train_small("plain", model="vae")
    with pytest.raises(ConfigMismatch, match=r"rate: '' there, 'kl' now"):
        train_small("plain", model="vae", rate="kl")


def test_overwrite_replaces_a_run_and_nothing_else(train_small, tmp_path):
    train_small()
    train_small(beta=2.0, overwrite=True)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model_options"]["beta"] == 2.0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="not a run folder"):
            train_small("mine", overwrite=overwrite)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        train_small("file", overwrite=True)


@pytest.fixture(scope="module")
def undisturbed(train_in, tmp_path_factory):
    """A whole run, and one that was stopped after step 17."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train_in(folder, "whole")
    with pytest.raises(Interrupted):
        train_in(folder, "hurt", monitor=StopAt(16))
    return folder


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty", "missing"])
@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_never_believed(undisturbed, train_small, tmp_path, name, how):
    shutil.copytree(undisturbed / "hurt", tmp_path / "hurt")
    newest = list_checkpoints(tmp_path / "hurt" / "checkpoints")[-1]
    damage(newest / name, how)
    with pytest.raises(UnbraidError):
        read_checkpoint(newest)
    with pytest.warns(UnbraidWarning, match=f"step 14 is used.*{re.escape(str(newest))}"):
        train_small("hurt")  # from the checkpoint before
    assert_same_run(undisturbed / "whole", tmp_path / "hurt")


def test_no_sound_checkpoint_is_an_error_that_says_what_to_do(train_small, tmp_path):
    train_small()
    for path in list_checkpoints(tmp_path / "run" / "checkpoints"):
        damage(path / "model.safetensors", "truncated")
    with pytest.raises(CorruptFile, match="--overwrite"):
        train_small()


def test_a_log_shorter_than_its_checkpoint_is_an_error(train_small, tmp_path):
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(16))
    damage(tmp_path / "run" / "log.jsonl", "truncated")
    with pytest.raises(CorruptFile, match="shorter than its checkpoint"):
        train_small()


def test_two_processes_cannot_write_one_run(train_small, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from unbraid.training.lock import only_writer\n"
        "with only_writer(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UnbraidError, match="in use by another unbraid process"):
            train_small()
        other.stdin.close()
        other.wait()
    assert train_small().step == 24


COMMAND = [sys.executable, "-m", "unbraid", "train", "beta_vae", "ellipses", "--no-report", "--device", "cpu"]
COMMAND += ["--steps", "150", "--batch-size", "16", "--latent-dim", "4", "--test-share", "0.98"]
COMMAND += ["--log-every", "9", "--checkpoint-every", "20", "--evaluate-every", "80"]


def test_kills_at_random_moments_leave_a_run_that_resumes(tmp_path):
    """SIGKILL the command line at random milliseconds, again and again; the end is that of an undisturbed run."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*COMMAND, "--out", str(tmp_path / "whole")], check=True, env=environment, capture_output=True)
    moments = random.Random(5)
    folder, kills, seen = tmp_path / "parts", 0, []
    for _ in range(40):
        with subprocess.Popen([*COMMAND, "--out", str(folder)], env=environment, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 120
            before = steps_logged(folder)
            while process.poll() is None and steps_logged(folder) <= before and time.monotonic() < deadline:
                time.sleep(0.001)  # until it trains again
            if process.poll() is None:
                time.sleep(moments.uniform(0, 0.4))
                process.send_signal(signal.SIGKILL)
            process.wait()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
        seen.append(steps_logged(folder))
        for path in list_checkpoints(folder / "checkpoints"):
            read_checkpoint(path)  # whatever is there is whole
        if kills == 3:
            subprocess.run([*COMMAND, "--out", str(folder)], check=True, env=environment, capture_output=True)
            break
    assert kills == 3, f"the run was over after {kills} kills, at {seen}"
    assert_same_run(tmp_path / "whole", folder)


def steps_logged(folder: Path) -> int:
    """Size of the log: it grows once training goes on."""
    path = folder / "log.jsonl"
    return path.stat().st_size if path.exists() else 0
