"""unbraid sweep as its users meet it: processes, interruptions, words."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from helpers.commands import run, start, tokens, until
from helpers.small_runs import SMALL, small_file
from unbraid.sweep.store import Store, ledger

SCORED = ["--metrics", "mig", "--evaluate-images", "64", "--device", "cpu"]


@pytest.fixture
def sweep(tmp_path: Path) -> list[str]:
    return ["sweep", "beta_vae", f"npz:{small_file(tmp_path).name}", *tokens(SMALL), *SCORED]


def test_a_sweep_is_planned_run_shared_and_told(tmp_path: Path, sweep: list[str]) -> None:
    told = run(tmp_path, *sweep, "--seed", "0..2", "--beta", "1,4", "--plan")
    assert "6 runs: 0 finished, 6 waiting" in told
    assert "Time and disk are not known" in told
    assert not (tmp_path / "sweeps").exists()
    both = [start(tmp_path, *sweep, "--seed", "0..2", "--beta", "1,4", "--workers", "1") for _ in range(2)]
    texts = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    lines = [line for text in texts for line in text.splitlines() if line.startswith("finished")]
    assert len(lines) == len(set(lines)) == 6, texts
    assert all("6 of 6 runs are finished" in text for text in texts)
    assert len(list(ledger(tmp_path / "sweeps"))) == 6
    told = run(tmp_path, *sweep, "--seed", "0..3", "--beta", "1,4,16", "--plan")
    assert "12 runs: 6 finished, 6 waiting" in told
    assert "of one core" in told
    told = run(tmp_path, "sweep", "status")
    assert "6 runs: 6 finished, 0 waiting" in told
    assert max(map(len, told.splitlines())) <= 80


def test_ctrl_c_writes_checkpoints_and_the_same_command_goes_on(tmp_path: Path, sweep: list[str]) -> None:
    long = [*sweep, "--seed", "0..1", "--workers", "2"]
    long[long.index("--steps") + 1] = "100000"
    long[long.index("--checkpoint-every") + 1] = "100000"
    process = start(tmp_path, *long)
    claims = tmp_path / "sweeps" / "claims"
    until(lambda: len([path for path in claims.rglob("*.0") if b'"step":' in path.read_bytes()]) == 2)
    until(lambda: len(list((tmp_path / "sweeps").rglob("log.jsonl"))) == 2)
    told = run(tmp_path, "sweep", "status")
    assert "2 running" in told
    os.kill(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 130, text
    assert "Stopped, with a checkpoint of every run that had begun; the same command goes on." in text
    assert len(list((tmp_path / "sweeps").rglob("step_*"))) >= 2
    assert not list(claims.rglob("*.*"))
    assert "2 runs: 0 finished, 2 waiting" in run(tmp_path, "sweep", "status")


def workers_of(folder: Path) -> list[int]:
    """Processes that stand in a folder."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with suppress(OSError):
                if (path / "cwd").resolve() == folder.resolve():
                    found.append(int(path.name))
    return found


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
@pytest.mark.parametrize("ending", ["killed", "Ctrl-C twice"])
def test_no_worker_outlives_its_command(tmp_path: Path, sweep: list[str], ending: str) -> None:
    long = [*sweep, "--seed", "0..1", "--workers", "2"]
    long[long.index("--steps") + 1] = "10000000"
    long[long.index("--checkpoint-every") + 1] = "10000000"
    process = start(tmp_path, *long)
    assert process.stdout is not None
    try:
        until(lambda: len(list((tmp_path / "sweeps").rglob("log.jsonl"))) == 2, 200)
        if ending == "killed":
            process.kill()
        else:
            process.send_signal(signal.SIGINT)
            line = next(line for line in process.stdout if line.startswith(("Stopping", "Stopped")))
            assert "Ctrl-C again leaves without waiting" in line
            process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        process.kill()
        process.stdout.close()
    until(lambda: not workers_of(tmp_path), 60, "workers stayed")
    assert len(list((tmp_path / "sweeps").rglob("step_*"))) >= 2, "a run wrote no checkpoint"


def test_failures_are_told_and_the_rest_is_done(tmp_path: Path, sweep: list[str]) -> None:
    text = run(tmp_path, *sweep, "--lr", "1e-3,1e30", code=1)
    assert "1 of 2 runs are finished" in text
    status = run(tmp_path, "sweep", "status")
    assert "1 finished" in status
    assert "1 failed" in status
    assert "NonFiniteLoss: The loss is not finite" in " ".join(status.split())
    assert "completed" not in status.lower()


def test_a_full_disk_stops_the_sweep_in_words_and_it_goes_on_later(tmp_path: Path, sweep: list[str]) -> None:
    small = (64_000, resource.RLIM_INFINITY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, small)  # no file may grow beyond it: checkpoints fail with EFBIG
    try:
        text = run(tmp_path, *sweep, "--workers", "1", code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written to" in text
    assert "Traceback" not in text
    store = Store.open(tmp_path / "sweeps")
    assert not list((store.folder / "failures").rglob("*.json")), "a full disk counted as a failure"
    assert "1 of 1 run is finished" in run(tmp_path, *sweep)


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only mount needs root")
def test_a_read_only_folder_is_read_and_not_written(tmp_path: Path, sweep: list[str]) -> None:
    run(tmp_path, *sweep)
    folder = tmp_path / "sweeps"
    os.system(f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}")
    try:
        assert "1 finished" in run(tmp_path, "sweep", "status")
        assert "1 finished" in run(tmp_path, *sweep, "--plan")
        text = run(tmp_path, *sweep, "--seed", "1", code=2)
        assert "you may not write in the folder" in " ".join(text.split())
        assert "Traceback" not in text
    finally:
        os.system(f"umount {folder}")
    assert "1 of 1 run is finished" in run(tmp_path, *sweep, "--seed", "1")


def test_a_moved_folder_and_a_damaged_result(tmp_path: Path, sweep: list[str]) -> None:
    run(tmp_path, *sweep, "--seed", "0..1")
    (tmp_path / "sweeps").rename(tmp_path / "elsewhere")
    here = [*sweep, "--out", "elsewhere", "--seed", "0..1"]
    assert "2 of 2 runs are finished" in run(tmp_path, *here)
    path = next((tmp_path / "elsewhere" / "results").rglob("*.json"))
    content = path.read_text()
    path.write_text(content[:100])
    text = run(tmp_path, *here)
    assert "is not valid JSON" in text
    assert f"It was renamed to {path.name}.damaged. The run is scored again." in " ".join(text.split())
    assert path.with_name(f"{path.name}.damaged").read_text() == content[:100]
    assert "2 of 2 runs are finished" in text


def test_what_a_ledger_holds_is_not_trained(tmp_path: Path, sweep: list[str]) -> None:
    run(tmp_path, *sweep)
    text = run(tmp_path, *sweep, "--seed", "0..1", "--out", "new", "--ledger", "sweeps/results", "--plan")
    assert "1 more are in the ledger" in text
    assert "1 run: 0 finished, 1 waiting" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["vae"], "needs models and data sets"),
        (["vae", "ellipses", "--bete", "1"], "Unknown option"),
        (["vae", "ellipses", "--engine", "pbs"], "--engine"),
        (["vae", "ellipses", "--detach"], "--detach: only Slurm jobs outlive this command"),
        (["sweep.yaml"], "cannot be read"),
        (["sweep.yaml", "--seed", "0"], "sweep.yaml says which runs are asked for; write --seed there"),
        (["vae", "ellipses", "--seed", "0", "--seed", "1"], "multiple times. Several values are joined by commas"),
        (["vae", "ellipses", "--seed", "0", "1"], "'1': more words than it takes. Several values are joined by commas"),
        (["vae", "ellipses", "--workers", "0"], "--workers"),
        (["vae", "ellipses", "--seed", "0..a"], "--seed of unbraid sweep is '0..a'; allowed: a whole number at least 0"),
        (["vae", "ellipses", "--seed", "1.5"], "--seed of unbraid sweep is 1.5; allowed: a whole number at least 0"),
        (["vae", "ellipses", "--lr", "x"], "--lr of unbraid train is 'x'"),
        (["vae", "ellipses", "--metrics", "mig,mgi"], "Unknown metric 'mgi'. Did you mean 'mig'?"),
    ],
)
def test_refusals(tmp_path: Path, given: list[str], words: str) -> None:
    assert words in run(tmp_path, "sweep", *given, code=2)
    assert not (tmp_path / "sweeps").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_planning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbraid.sweep.planning.make_plan", lambda *given, **more: pytest.fail("it planned"))
    (tmp_path / "file").touch()
    text = " ".join(run(tmp_path, "sweep", "vae", "ellipses", "-o", "file/sweep", code=2).split())
    assert "cannot be written" in text
    assert "is a file, not a folder" in text


def test_help(tmp_path: Path) -> None:
    text = run(tmp_path, "sweep", "--help")
    assert "--engine" in text
    assert "unbraid sweep status FOLDER" in " ".join(text.split())
