"""Engines that are not this process's own: dask and Slurm, real ones."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import environment, run, start, tokens, until
from helpers.slurm_cluster import Cluster, missing, slurm
from helpers.small_runs import SMALL, small_file
from unbraid.sweep.store import Store, ledger

SCORED = ["--metrics", "mig", "--evaluate-images", "64", "--device", "cpu"]
LONG = {**SMALL, "steps": 1500, "checkpoint_every": 50, "log_every": 100}


def sweep(folder: Path, options: dict, *more: str) -> list[str]:
    return ["sweep", "beta_vae", f"npz:{small_file(folder).name}", *tokens(options), *SCORED, *more]


def results(folder: Path) -> int:
    return len(list(ledger(folder / "sweeps"))) if (folder / "sweeps" / "results").is_dir() else 0


def test_dask_workers_may_die_and_join(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    processes: list[subprocess.Popen[bytes]] = []

    def dask(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        with (tmp_path / f"dask{len(processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment(), cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
        processes.append(process)
        return process

    worker = ("worker", address, "--nthreads", "1", "--no-dashboard")
    try:
        dask("scheduler", "--host", address, "--no-dashboard")
        time.sleep(2)
        first, _ = dask(*worker), dask(*worker)
        process = start(tmp_path, *sweep(tmp_path, LONG, "--seed", "0..5", "--engine", "dask", "--scheduler", address))
        until(lambda: len(list((tmp_path / "sweeps").rglob("step_*"))) >= 2, words="no worker began")
        os.killpg(first.pid, signal.SIGKILL)
        dask(*worker)
        text, _ = process.communicate(timeout=300)
        assert process.returncode == 0, text
    finally:
        for one in processes:
            try:
                os.killpg(one.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            one.wait()
    assert "6 of 6 runs are finished" in text
    assert results(tmp_path) == 6
    assert not list((tmp_path / "sweeps" / "failures").rglob("*.json")), "a death counted as a failure"


def test_dask_that_cannot_be_reached(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    text = run(tmp_path, *sweep(tmp_path, SMALL, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1"), code=1)
    assert "--scheduler tcp://127.0.0.1:1 cannot be reached" in text
    assert "Traceback" not in text


def test_slurm_that_is_not_there(tmp_path: Path) -> None:
    text = run(tmp_path, *sweep(tmp_path, SMALL, "--engine", "slurm"), code=1, PATH="/nowhere")
    assert "there is no Slurm here" in text


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if missing():
        if os.environ.get("CI"):
            pytest.fail(f"Slurm is not installed: {', '.join(missing())}")
        pytest.skip(f"Slurm is not installed: {', '.join(missing())}")
    with slurm(tmp_path_factory.mktemp("slurm")) as made:
        yield made


def give(cluster: Cluster, folder: Path, *words: str, code: int = 0) -> str:
    return run(folder, *words, code=code, SLURM_CONF=str(cluster.conf))


def test_a_slurm_array_does_a_sweep(cluster: Cluster, tmp_path: Path) -> None:
    text = give(cluster, tmp_path, *sweep(tmp_path, SMALL, "--seed", "0..4", "--engine", "slurm", "--jobs", "2"))
    assert "5 of 5 runs are finished" in text
    assert results(tmp_path) == 5
    hosts = {path.name for path in (tmp_path / "sweeps" / "slurm").glob("*_0_log.out")}
    assert len(hosts) == 2, "it was no array of two jobs"


def test_detached_jobs_survive_requeue_time_limit_node_loss_and_cancel(cluster: Cluster, tmp_path: Path) -> None:
    options = {**LONG, "steps": 20_000, "checkpoint_every": 1000}
    words = sweep(tmp_path, options, "--seed", "0..3", "--engine", "slurm", "--jobs", "2", "--time", "30", "--detach")
    text = give(cluster, tmp_path, *words)
    assert "Submitted 2 jobs" in text
    jobs = text.partition("jobs: ")[2].partition(".")[0].split(", ")
    store = Store.open(tmp_path / "sweeps")

    def claimed() -> list[Path]:
        return [path for path in (store.folder / "claims").rglob("*.*") if not path.name.startswith(".")]

    until(lambda: len(claimed()) == 2, words="the jobs did not begin")
    until(lambda: list(store.folder.rglob("step_*")))
    assert cluster.run("scontrol", "requeue", jobs[0]) == ""
    until(lambda: cluster.queue().get(jobs[0]) == "PENDING", words="it was not requeued")
    status = give(cluster, tmp_path, "sweep", "status")
    assert "4 runs: 0 finished" in status
    until(lambda: cluster.queue().get(jobs[0]) == "RUNNING", 300, "the requeued job did not run again")
    cluster.kill_node("n1")
    status = give(cluster, tmp_path, "sweep", "status")
    assert "finished, 1 running" in status or "silent" in status or "waiting" in status
    cluster.start_node("n1")
    cluster.run("scancel", jobs[1])
    until(lambda: jobs[1] not in cluster.queue(), words="the job was not cancelled")
    ended = cluster.state(jobs[1])
    assert ended in ("CANCELLED", "NODE_FAIL", "FAILED", "", "COMPLETED")  # a fast machine may be done before it is cancelled
    status = give(cluster, tmp_path, "sweep", "status")
    assert ("4 finished" in status) == (results(tmp_path) == 4)
    if ended != "COMPLETED":
        assert results(tmp_path) < 4
    finish = [word for word in words if word != "--detach"]
    text = give(cluster, tmp_path, *finish)
    assert "4 of 4 runs are finished" in text
    assert results(tmp_path) == 4
    assert not list((store.folder / "failures").rglob("*.json"))


def test_at_the_time_limit_a_job_writes_a_checkpoint_and_is_requeued(cluster: Cluster, tmp_path: Path) -> None:
    options = {**LONG, "steps": 100_000_000, "checkpoint_every": 100_000_000, "log_every": 100_000}
    words = sweep(tmp_path, options, "--engine", "slurm", "--jobs", "1", "--time", "2", "--detach")
    job = give(cluster, tmp_path, *words).partition("jobs: ")[2].partition(".")[0]
    folder = tmp_path / "sweeps"
    until(lambda: list(folder.rglob("step_*")), 240, "no checkpoint was written at the time limit")
    until(lambda: "Restarts=1" in cluster.run("scontrol", "show", "job", job), 60, "the job was not requeued")
    assert not list(folder.rglob("results/*/*.json"))
    status = give(cluster, tmp_path, "sweep", "status")
    assert "1 run: 0 finished" in status
    cluster.run("scancel", job)
    until(lambda: job not in cluster.queue())


def test_ctrl_c_stops_jobs_with_checkpoints(cluster: Cluster, tmp_path: Path) -> None:
    options = {**LONG, "steps": 100_000_000, "log_every": 100_000}
    process = start(tmp_path, *sweep(tmp_path, options, "--engine", "slurm", "--jobs", "1"), SLURM_CONF=str(cluster.conf))
    until(lambda: list((tmp_path / "sweeps").rglob("claims/*/*.0")))
    os.kill(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 130, text
    assert "Stopped, with a checkpoint of every run that had begun" in text
    assert list((tmp_path / "sweeps").rglob("step_*"))
    until(lambda: not cluster.queue())
