"""What a run folder notices: that it was edited, damaged, replaced, or belongs to somebody else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise

import pytest

import unbraid
from helpers.resuming import StopAt, assert_same_run, damage, final
from unbraid.cli.main import main
from unbraid.config.plan import plan
from unbraid.errors import CorruptFile, Interrupted, UnbraidError, UnbraidWarning, UsageError
from unbraid.files import OLDEST_TEMPORARY, place, remove_leftovers, temporary_beside, whole_file
from unbraid.training.checkpoint import list_checkpoints, read_checkpoint
from unbraid.training.fit import Silent
from unbraid.training.lock import Claim, only_writer
from unbraid.training.log import RunLog, read_log, stream_log
from unbraid.training.run import HARMLESS, MARK, open_run


def newest(folder):
    return list_checkpoints(folder / "checkpoints")[-1]


# checkpoints say whose they are


def test_a_checkpoint_of_another_run_is_passed_over_in_words(train_small, tmp_path):
    train_small("one")
    with pytest.raises(Interrupted):
        train_small("two", seed=1, monitor=StopAt(15))
    shutil.copytree(newest(tmp_path / "one"), tmp_path / "two" / "checkpoints" / "step_000000024")
    with pytest.warns(
        UnbraidWarning, match=r"step 16 is used.*step_000000024 is of another run \(seed: 0 there, 1 in config.json"
    ):
        train_small("two", seed=1)
    train_small("alone", seed=1)
    assert_same_run(tmp_path / "two", tmp_path / "alone")


@pytest.mark.parametrize("field", ["seed", "likelihood"])
def test_a_configuration_that_was_edited_is_noticed_before_scores_are_made(train_small, tmp_path, field):
    train_small(likelihood="bernoulli")
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    changed = {"seed": 7} if field == "seed" else {"likelihood": "laplace", "likelihood_options": {}}
    if field == "likelihood":
        changed["likelihood_options"] = unbraid.load(
            train_small("other", likelihood="laplace").folder
        ).experiment.likelihood_options
    path.write_text(json.dumps({**content, **changed}))
    with pytest.raises(CorruptFile, match=f"{field}: .* there, .* in config.json.*was edited.*Put back what was there"):
        unbraid.evaluate(tmp_path / "run", metrics=["mig"])
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize("field", HARMLESS)
def test_checkpoints_stay_usable_where_a_field_is_edited_that_no_weight_depends_on(train_small, tmp_path, field):
    train_small("whole")
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(15))
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    assert content[field] != 6
    path.write_text(json.dumps({**content, field: 6}))
    assert unbraid.load(tmp_path / "run").step == 16
    resumed = train_small(**{field: 6})
    assert resumed.step == 24
    # the log's means are over other intervals, the weights are the same
    assert weights_of(newest(tmp_path / "run")) == weights_of(newest(tmp_path / "whole"))
    assert unbraid.evaluate(tmp_path / "run", metrics=["mig"]).values


def weights_of(checkpoint):
    return (checkpoint / "model.safetensors").read_bytes()


def test_digests_tell_configurations_apart_and_paths_do_not_count(tmp_path):
    import numpy as np

    first, _ = plan("vae", "ellipses", {"steps": 5})
    assert first.digest() == plan("vae", "ellipses", {"steps": 5})[0].digest()
    assert first.digest() != plan("vae", "ellipses", {"steps": 5, "seed": 1})[0].digest()
    images = (np.random.default_rng(0).random((80, 28, 28)) * 255).astype(np.uint8)
    digests = []
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", images=images)
        digests.append(plan("vae", f"npz:{tmp_path / name}.npz", {})[0].digest())
    assert digests[0] == digests[1]


def test_all_commands_say_that_the_newest_checkpoint_is_damaged(train_small, tmp_path, capsys):
    train_small()
    folder = tmp_path / "run"
    with (newest(folder) / "training.safetensors").open("ab") as handle:
        handle.write(b"x")
    for command in (["evaluate", "--metrics", "mig"], ["report"]):
        assert main([command[0], str(folder), *command[1:]]) == 0
        told = capsys.readouterr().err
        assert told.count("Warning: A newer checkpoint was passed over; step 21 is used.") == 1, told
        assert "does not match its checksum" in told


def test_scores_of_a_checkpoint_that_is_damaged_by_now_stay_and_pages_say_so(train_small, tmp_path, capsys):
    train_small()
    folder = tmp_path / "run"
    scores = folder / "metrics.json"
    assert main(["evaluate", str(folder), "--metrics", "mig,sap"]) == 0
    assert f"Scores: {folder}/metrics.json" in capsys.readouterr().out.replace("\n", "")
    kept = scores.read_bytes()
    with (newest(folder) / "model.safetensors").open("ab") as handle:
        handle.write(b"x")
    os.utime(scores, ns=(0, scores.stat().st_mtime_ns))  # that it is read is no change
    assert main(["evaluate", str(folder), "--metrics", "mig"]) == 0
    said = capsys.readouterr()
    assert "keeps its scores, which are of step 24, whose checkpoint is damaged" in said.err
    assert "Scores:" not in said.out
    assert scores.read_bytes() == kept
    for command in (["report", str(folder)], ["figure", "traversals", str(folder), "-o", str(tmp_path / "t.png")]):
        assert main(command) == 1
        assert "its scores are of step 24, whose checkpoint is damaged or gone" in capsys.readouterr().err


# folders are known by a mark, and overwriting takes what is ours


def test_a_folder_of_another_program_with_checkpoints_is_spared(train_small, tmp_path):
    folder = tmp_path / "proj"
    (folder / "checkpoints" / "step_000000100").mkdir(parents=True)
    (folder / "checkpoints" / "step_000000100" / "weights.pt").write_text("theirs")
    for content in ("{}", "{", '{"model": "gpt", "format": 1}'):
        (folder / "config.json").write_text(content)
        with pytest.raises(UsageError, match="not a run folder"):
            train_small("proj", overwrite=True)
    assert (folder / "checkpoints" / "step_000000100" / "weights.pt").read_text() == "theirs"


def test_overwriting_spares_files_beside_checkpoints_and_events(train_small, tmp_path):
    train_small()
    folder = tmp_path / "run"
    mine = [folder / "checkpoints" / "notes.txt", newest(folder) / "notes.txt", folder / "tensorboard" / "notes.txt"]
    for path in mine:
        path.write_text("mine")
    train_small(overwrite=True, beta=2.0)
    mine[1] = folder / "checkpoints" / "left_of_step_000000024" / "notes.txt"
    assert all(path.read_text() == "mine" for path in mine)
    assert len(list((folder / "tensorboard").glob("*tfevents*"))) == 1
    assert unbraid.load(folder).experiment.model_options["beta"] == 2.0


def test_runs_are_marked_and_older_ones_known_by_their_content(train_small, tmp_path):
    train_small()
    mark = tmp_path / "run" / MARK
    assert mark.is_file()
    mark.unlink()
    assert train_small(overwrite=True, beta=2.0).step == 24
    mark.unlink()
    (tmp_path / "run" / "config.json").write_text("{")  # checkpoints say whose they are
    assert train_small(overwrite=True).step == 24


def test_a_saved_model_is_not_a_run_folder(train_small, tmp_path):
    train_small().save(tmp_path / "saved")
    with pytest.raises(UsageError, match="not a run folder"):
        train_small("saved", overwrite=True)


# one writer, and only in its own folder


class Replacing(Silent):
    """Takes the folder away under a run, as another process might, and begins another run there."""

    def __init__(self, folder, begin):
        self.folder, self.begin = folder, begin

    def advance(self, step, entry, images_per_second):
        if step == 10:
            shutil.rmtree(self.folder)
            if self.begin:
                with pytest.raises(Interrupted):
                    self.begin()


@pytest.mark.parametrize("anew", [False, True])
def test_a_run_does_not_write_into_a_folder_that_took_the_place_of_its_own(train_small, tmp_path, anew):
    folder = tmp_path / "run"
    begin = (lambda: train_small(seed=2, monitor=StopAt(8))) if anew else None
    with pytest.raises(UnbraidError, match="not the folder that this run began in"):
        train_small(seed=1, monitor=Replacing(folder, begin))
    assert folder.exists() == anew
    if anew:
        assert [path.name for path in list_checkpoints(folder / "checkpoints")] == ["step_000000007", "step_000000009"]
        assert read_checkpoint(newest(folder)).state.configuration["seed"] == 2
        train_small(seed=2)
        train_small("alone", seed=2)
        assert final(folder) == final(tmp_path / "alone")


def _take_over(folder):
    """As another machine does where there are no locks."""
    with only_writer(folder):
        first = Claim.of(folder)
        first.require()
        with only_writer(folder), pytest.raises(UnbraidError, match="taken over by another process"):
            first.require()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_a_run_goes_on_and_says_so(train_small, tmp_path, monkeypatch, number):
    import fcntl

    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UnbraidWarning, match="There are no locks where"):
        assert train_small().step == 24
    owner = {"place": place(), "process": os.getppid(), "token": "x"}
    (tmp_path / "run" / ".lock").write_text(json.dumps(owner))
    with pytest.raises(UnbraidError, match=rf"in use by another unbraid process \(process {os.getppid()}\)"):
        train_small()
    (tmp_path / "run" / ".lock").write_text(json.dumps({**owner, "place": "0" * 8}))
    with pytest.warns(UnbraidWarning, match="There are no locks"):
        _take_over(tmp_path / "run")


# temporary names, and what killed writers leave


def test_temporary_names_differ_where_process_numbers_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with whole_file(tmp_path / "a") as first, whole_file(tmp_path / "a") as second:
        assert first != second
        second.write_text("second")
        first.write_text("first")
    assert (tmp_path / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    dead = tmp_path / f".unbraid-{place()}-{gone.pid}-0123abcd"
    living = tmp_path / f".unbraid-{place()}-{os.getppid()}-0123abcd"
    elsewhere = tmp_path / f".unbraid-00000000-{gone.pid}-0123abcd"
    ancient = tmp_path / f".unbraid-00000000-{gone.pid}-ffffffff"
    others = tmp_path / ".unbraid-notes"
    for path in (dead, living, elsewhere, ancient, others, own := temporary_beside(tmp_path / "x")):
        path.write_text("")
    old = ancient.stat().st_mtime - OLDEST_TEMPORARY - 60
    os.utime(ancient, (old, old))
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {living, elsewhere, others, own}


# the log


@pytest.fixture
def stopped(train_small, tmp_path):
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(15))
    return tmp_path / "run" / "log.jsonl"


def test_an_emptied_log_is_said(stopped, train_small):
    stopped.write_text("")
    with pytest.warns(UnbraidWarning, match="is empty; training continues without the earlier entries of its log"):
        train_small()
    assert [entry.step for entry in read_log(stopped) if entry.kind == "train"] == [20, 24]


@pytest.mark.parametrize("change", [lambda raw: raw[:-1] + b" ", lambda raw: raw.replace(b"kl", b"lk", 1)])
def test_an_altered_log_is_refused_and_can_be_removed(stopped, train_small, change):
    stopped.write_bytes(change(stopped.read_bytes()))
    with pytest.raises(CorruptFile, match="is not the log that its checkpoint remembers.*remove it"):
        train_small()
    stopped.unlink()
    with pytest.warns(UnbraidWarning, match="missing"):
        assert train_small().step == 24


def test_a_log_of_before_without_its_last_newline_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"kind": "train", "step": 1, "values": {}, "time": 1.0} ')
    with pytest.raises(CorruptFile, match="no end of a line"):
        RunLog(path, tmp_path / "events", path.stat().st_size)


def test_long_logs_are_read_in_bounded_memory_and_thinned_evenly(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [f'{{"kind": "train", "step": {i}, "values": {{}}, "time": 1.0, "units": {{}}}}\n' for i in range(1, 1001)]
    lines.insert(501, '{"kind": "warning", "step": 501, "values": {}, "time": 1.0, "name": "x", "text": "y"}\n')
    path.write_text("".join(lines))
    assert len(list(stream_log(path))) == len(read_log(path)) == 1001
    some = read_log(path, most=100)
    assert 40 <= len(some) <= 101
    assert some[-1].step == 1000
    assert [entry.name for entry in some if entry.kind == "warning"] == ["x"]
    gaps = {b.step - a.step for a, b in pairwise(some) if b.kind == a.kind == "train"}
    assert max(gaps) <= 32


def test_a_pipe_in_the_place_of_a_file_does_not_block(stopped, tmp_path):
    stopped.unlink()
    os.mkfifo(stopped)
    with pytest.raises(CorruptFile, match="is not a file"):
        read_log(stopped)
    config = tmp_path / "run" / "config.json"
    config.unlink()
    os.mkfifo(config)
    with pytest.raises(UnbraidError, match="not a run folder"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize("extend", [10**9, 10**30])
def test_extending_is_bounded(train_small, extend):
    train_small()
    with pytest.raises(UsageError, match="too long; allowed: up to 999,999,999"):
        train_small(extend=extend)


# TensorBoard and signals


@pytest.mark.parametrize("when", ["before", "while"])
def test_events_that_cannot_be_written_do_not_end_training(train_small, tmp_path, monkeypatch, when):
    from tensorboard.summary.writer import record_writer

    def full(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(9))
    if when == "before":
        shutil.rmtree(tmp_path / "run" / "tensorboard")
        (tmp_path / "run" / "tensorboard").write_text("a file where the folder should be")
    else:
        monkeypatch.setattr(record_writer.RecordWriter, "write", full)
    with pytest.warns(UnbraidWarning, match="Events for TensorBoard cannot be written") as told:
        assert train_small().step == 24
    assert len(told) == 1
    assert read_log(tmp_path / "run" / "log.jsonl")[-1].step == 24


def test_a_closed_terminal_leaves_a_checkpoint(train_small, tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with pytest.raises(Interrupted, match="Stopped after step 10"):
            train_small(monitor=StopAt(9, signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert newest(tmp_path / "run").name == "step_000000010"


def test_nohup_is_obeyed(train_small):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert train_small(monitor=StopAt(9, signal.SIGHUP)).step == 24
    finally:
        signal.signal(signal.SIGHUP, before)


def test_half_an_old_checkpoint_leaves_advice(train_small, tmp_path):
    from unbraid.explorer.times import every_time

    train_small(keep_checkpoints=0)
    damage(list_checkpoints(tmp_path / "run" / "checkpoints")[0] / "state.json", "missing")
    with pytest.raises(CorruptFile, match="Remove this checkpoint, or show the end of training alone: --times 1"):
        every_time(unbraid.load(tmp_path / "run"), 12)


def test_when_and_with_what_a_run_was_trained_is_noted(train_small, tmp_path):
    with pytest.raises(Interrupted):
        train_small(monitor=StopAt(9))
    path = tmp_path / "run" / "environment.json"
    first = json.loads(path.read_text())
    train_small()
    last = json.loads(path.read_text())
    assert first["started"] == last["started"]
    assert first["started"].endswith("+00:00")
    assert 0 < first["seconds"] <= last["seconds"]
    assert last["threads"] >= 1
    assert isinstance(last["commit"], str)
