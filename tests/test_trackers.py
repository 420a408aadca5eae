"""Trackers: each number once, whatever happens to the run; docs/trackers.md as it stands; trackio's own database."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from concurrent.futures import Executor, Future
from importlib.util import find_spec
from pathlib import Path

import pytest

import unbraid
from helpers.small_runs import small_plan
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.errors import CorruptFile, DataUnavailable, Interrupted, UnbraidError, UnbraidWarning, UnknownName, UsageError
from unbraid.sweep.conduct import conduct
from unbraid.sweep.store import Store, ledger
from unbraid.sweep.tasks import Task
from unbraid.sweep.worker import work
from unbraid.trackers.registry import trackers
from unbraid.trackers.tracking import FILE, Tracking
from unbraid.training.fit import Silent

PAGE = Path(__file__).parent.parent / "docs" / "trackers.md"
SMALL = {
    "encoder": "mlp",
    "decoder": "mlp",
    "encoder_width": 8,
    "decoder_width": 8,
    "latent_dim": 2,
    "batch_size": 16,
    "steps": 8,
    "log_every": 2,
    "checkpoint_every": 4,
    "device": "cpu",
}


class Book:
    """A tracker that keeps what it is told."""

    def __init__(self, run, project):
        self.run, self.project, self.told, self.finished = run, project, [], False
        BOOKS.append(self)
        if FAILS.get("start"):
            raise OSError("no such host")

    def log(self, values, step):
        if step == FAILS.get("at"):
            raise OSError("connection lost")
        self.told.append((step, dict(values)))

    def finish(self):
        self.finished = True


BOOKS: list[Book] = []
FAILS: dict[str, int] = {}


@pytest.fixture(autouse=True)
def book(monkeypatch):
    """The tracker is there, and has heard nothing yet."""
    trackers.names()
    monkeypatch.setattr(trackers, "_entries", dict(trackers._entries))
    trackers.register("book", source="ours")(Book)
    BOOKS.clear()
    FAILS.clear()


def train(out: Path, **options):
    return unbraid.train("vae", TINY, out=out, **{**SMALL, "track": "book:mine", **options})


def logged(out: Path) -> list[tuple[int, float]]:
    """Step and loss of each line of the log."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["values"]["loss"]) for line in lines if line["kind"] == "train"]


def told(books=None) -> list[tuple[int, float]]:
    return [(step, values["train/loss"]) for one in books or BOOKS for step, values in one.told if "train/loss" in values]


class Stopping(Silent):
    """Stops a run after a step."""

    def __init__(self, at, error=Interrupted):
        self.at, self.error = at, error

    def advance(self, step, entry, images_per_second):
        if step == self.at:
            raise self.error("stopped")


def test_it_is_told_the_options_and_every_number_of_the_log(tmp_path):
    train(tmp_path / "run", beta_unused=None)
    (one,) = BOOKS
    assert (one.run.name, one.project, one.run.resumes, one.finished) == ("run", "mine", False, True)
    assert one.run.options["steps"] == 8
    assert all(isinstance(value, bool | int | float | str) for value in one.run.options.values())
    assert told() == logged(tmp_path / "run")
    assert len(told()) == 4
    assert {"train/kl", "train_kl_per_dim/0", "schedule/lr"} <= one.told[-1][1].keys()


@pytest.mark.parametrize("error", [Interrupted, RuntimeError], ids=["stopped", "broken off"])
def test_a_run_that_resumes_tells_each_number_once(tmp_path, error):
    with pytest.raises(error):
        train(tmp_path / "run", monitor=Stopping(7, error))  # where it broke off, steps from 4 on are done again
    assert BOOKS[0].finished
    train(tmp_path / "run")
    assert [one.run.resumes for one in BOOKS] == [False, True]
    assert BOOKS[0].run.id == BOOKS[1].run.id
    assert told() == logged(tmp_path / "run")


def test_a_run_that_began_or_ended_without_it_is_told_from_its_beginning(tmp_path):
    with pytest.raises(Interrupted):
        train(tmp_path / "begun", monitor=Stopping(5), track=None)
    train(tmp_path / "begun")
    assert told() == logged(tmp_path / "begun")
    BOOKS.clear()
    train(tmp_path / "ended", track=None)
    train(tmp_path / "ended")
    assert told() == logged(tmp_path / "ended")
    train(tmp_path / "ended")
    assert told(BOOKS[1:]) == []  # all was told
    train(tmp_path / "ended", track="book:other")
    assert told(BOOKS[2:]) == logged(tmp_path / "ended")
    assert len({one.run.id for one in BOOKS}) == 2


def test_a_run_that_replaces_another_is_a_new_one(tmp_path):
    train(tmp_path / "run")
    train(tmp_path / "run", seed=1, overwrite=True)
    assert not BOOKS[1].run.resumes
    assert told(BOOKS[1:]) == logged(tmp_path / "run")


def test_a_failure_is_warned_of_and_made_up_for_later(tmp_path):
    FAILS["at"] = 4
    with pytest.warns(UnbraidWarning, match="failed at step 4 .OSError: connection lost"):
        train(tmp_path / "run")
    assert [step for step, _ in told()] == [2]
    FAILS.clear()
    train(tmp_path / "run")
    assert told() == logged(tmp_path / "run")


def test_what_cannot_start_is_refused_before_the_first_step(tmp_path):
    FAILS["start"] = 1
    with pytest.raises(UnbraidError, match="did not start .OSError: no such host"):
        train(tmp_path / "run")
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    with pytest.raises(UnknownName, match="Did you mean 'book'"):
        train(tmp_path / "other", track="bok")
    with pytest.raises(UsageError, match="names no project"):
        train(tmp_path / "other", track="book: ")
    trackers.register("away", source="ours", package="no_such_package_here", install="mylab[away]")(type("Away", (), {}))
    with pytest.raises(DataUnavailable, match=r"pip install 'mylab\[away\]'"):
        train(tmp_path / "other", track="away")
    assert not (tmp_path / "other").exists()


def test_an_altered_note_is_refused_in_words(tmp_path):
    train(tmp_path / "run", steps=2)
    (tmp_path / "run" / FILE).write_text('{"trackers": {"book:mine": {"id": 3}}}')
    with pytest.raises(CorruptFile, match="remove it"), Tracking("book:mine") as tracking:
        tracking.begin(tmp_path / "run", {})


FAKE = """
import json
class Run:
    def __init__(self, **given):
        self.given = given
        self.log({k: v for k, v in given.items() if k in ("project", "name", "id")}, step=-1)
    def log(self, values, step):
        with open("told.jsonl", "a") as file:
            file.write(json.dumps([step, values]) + "\\n")
    def finish(self):
        self.log({"finished": True}, step=-1)
init = Run
"""


def test_the_tracker_of_the_page_works_from_the_command_line_once_installed(tmp_path):
    """Its package, the entry point that an installer writes down, and a stand-in for the service's own package."""
    (tmp_path / "mytrackers").mkdir()
    (tmp_path / "mytrackers" / "__init__.py").touch()
    (tmp_path / "wandb.py").write_text(FAKE)
    blocks = re.findall(r"```(\w+)\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (project,) = [tomllib.loads(code)["project"] for kind, _, code in blocks if kind == "toml"]
    for _, name, code in [block for block in blocks if block[0] == "python"]:
        (tmp_path / name).write_text(code)
    info = tmp_path / "mytrackers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["unbraid.trackers"].items()
    (info / "entry_points.txt").write_text("[unbraid.trackers]\n" + "".join(f"{name} = {module}\n" for name, module in points))
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])

    def command(*words: str) -> str:
        whole = [sys.executable, "-m", "unbraid", *words]
        done = subprocess.run(
            whole, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "wandb offline" in command("list", "trackers")
    words = ["--steps", "4", "--log-every", "2", "--batch-size", "16", "--encoder", "mlp", "--decoder", "mlp", "--out", "run"]
    command("train", "vae", "ellipses", *words, "--evaluate-images", "300", "--track", "wandb:thesis")
    told = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert told[0][1]["project"] == "thesis"
    assert told[0][1]["id"] == json.loads((tmp_path / "run" / FILE).read_text())["trackers"]["wandb:thesis"]["id"]
    assert [(step, values["train/loss"]) for step, values in told if "train/loss" in values] == logged(tmp_path / "run")
    scores = json.loads((tmp_path / "run" / "metrics.json").read_text())
    (sent,) = [values for step, values in told if step == 4 and "score/mig" in values]
    assert sent["score/mig"] == scores["metrics"]["mig"]["score"]
    assert sent["score/test_nll"] == scores["splits"]["test"]["nll"]
    assert told[-1][1] == {"finished": True}


@pytest.mark.skipif(find_spec("trackio") is None and "CI" not in os.environ, reason="trackio is not installed")
def test_trackio_has_the_numbers_in_its_database_on_this_machine(tmp_path):
    """In a process of its own: it begins threads and prints."""
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
import unbraid
from test_trackers import SMALL, Stopping, TINY
options = {{**SMALL, "track": "trackio:thesis", "out": "run"}}
try:
    unbraid.train("vae", TINY, monitor=Stopping(7, RuntimeError), **options)
except RuntimeError:
    unbraid.train("vae", TINY, **{{**options, "out": "elsewhere/run", "seed": 1}})
    unbraid.train("vae", TINY, **options)
"""
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "kept"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    with sqlite3.connect(tmp_path / "kept" / "thesis.db") as database:
        rows = list(database.execute("select run_name, step, metrics from metrics order by id"))
        config, _ = [json.loads(one) for (one,) in database.execute("select config from configs")]
    for folder in (tmp_path / "run", tmp_path / "elsewhere" / "run"):
        told = json.loads((folder / FILE).read_text())["trackers"]["trackio:thesis"]
        own = [(step, values) for name, step, values in rows if name == f"run-{told['id'][:6]}"]
        assert [(step, json.loads(values)["train/loss"]) for step, values in own] == logged(folder)
    assert len({name for name, *_ in rows}) == 2
    assert config["steps"] == 8


class Inline(Executor):
    """An engine of this process, where the tracker is registered."""

    pulls, capacity = True, 1

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class TestSweeps:
    def test_workers_tell_of_every_run_and_its_scores(self, tmp_path):
        store = Store.make(tmp_path / "sweep")
        plan = small_plan(store)
        assert conduct(store, plan, Inline(), track="book:mine").failed == []
        points = {point.label: point for point in plan.points()}
        assert sorted(book.run.name for book in BOOKS) == sorted(points)  # workers take them in any order
        for book in BOOKS:
            point = points[book.run.name]
            assert (book.project, book.finished, book.run.resumes) == ("mine", True, False)
            (result,) = [one for one in ledger(store.folder) if one.key == point.key]
            told = {name: value for _, values in book.told for name, value in values.items()}
            assert told["score/mig"] == result.metrics["mig"]["score"]
            assert told["train/loss"] > 0
            assert book.run.options["seed"] == point.seed

    def test_a_worker_whose_tracker_does_not_start_takes_no_run(self, tmp_path):
        store = Store.make(tmp_path / "sweep")
        plan = small_plan(store)
        FAILS["start"] = 1
        outcomes = work(Task(str(store.folder), plan.name, "session", track="book"))
        assert {one.what for one in outcomes} == {"refused"}
        assert "Tracker 'book' did not start (OSError: no such host)" in outcomes[0].text
        FAILS.clear()
        assert {one.what for one in work(Task(str(store.folder), plan.name, "later", track="book"))} == {"finished"}

    def test_the_command_refuses_a_tracker_that_there_is_not_before_it_plans(self, tmp_path, capsys):
        words = ["sweep", "vae", TINY, "--steps", "2", "--track", "trakio", "-o", str(tmp_path / "sweep")]
        assert main(words) == 2
        assert "Unknown tracker 'trakio'" in capsys.readouterr().err
        assert not (tmp_path / "sweep").exists()
