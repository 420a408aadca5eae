"""Workers: every run once, resumed bit for bit, failures recorded, refusals in words."""

from __future__ import annotations

import errno
import os
import re
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import unbraid
from helpers.small_runs import SCORING, SMALL, requests, small_file, small_plan
from unbraid.errors import ConfigMismatch, CorruptFile, DataUnavailable, UnknownName, UsageError
from unbraid.sweep import worker
from unbraid.sweep.claims import Claims
from unbraid.sweep.conduct import conduct
from unbraid.sweep.engines.local import LocalExecutor
from unbraid.sweep.owners import Owner
from unbraid.sweep.planning import CodeMismatch, make_plan, require_same_code
from unbraid.sweep.points import Plan, Request, Scoring
from unbraid.sweep.records import Result
from unbraid.sweep.status import Watcher
from unbraid.sweep.store import Store, ledger
from unbraid.sweep.tasks import MOST_DEATHS, Outcome, Task
from unbraid.sweep.worker import work


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.make(tmp_path / "sweep")


def do(store: Store, plan: Plan, keys: list[str] | None = None, **told: Any) -> list[Outcome]:
    return work(Task(str(store.folder), plan.name, "session", keys or [], **told))


def told_apart(result: Result) -> dict[str, Any]:
    """A result without what differs between two equal runs: times."""
    content = msgspec.to_builtins(result)
    for name in ("train_seconds", "evaluate_seconds", "finished", "disk"):
        del content[name]
    return content


def test_points_become_results_that_hold_what_was_trained(store: Store) -> None:
    plan = small_plan(store)
    outcomes = do(store, plan)
    keys = [point.key for point in plan.points()]
    assert sorted(one.key for one in outcomes) == sorted(keys)
    assert {one.what for one in outcomes} == {"finished"}
    results = {one.key: one for one in ledger(store.folder)}
    assert sorted(results) == sorted(keys)
    assert sorted(one.seed for one in results.values()) == [0, 1]
    one = results[keys[0]]
    assert one.steps == 6
    assert one.images == 48
    assert one.metrics["mig"]["per_factor"].keys() == {"x", "y", "light"}
    assert {"train", "test"} == one.losses.keys()
    assert one.configuration["model_options"]["beta"] == 4
    assert "path" not in one.configuration["data_options"]
    assert unbraid.load(store.run_folder(one.key)).step == 6
    assert not list((store.folder / "claims").rglob("*.*")), "claims were left"
    assert do(store, plan) == []


def test_data_without_factors_are_trained_and_get_losses_and_no_scores(store: Store, tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", np.random.default_rng(0).integers(0, 255, (96, 28, 28), np.uint8))
    plan = make_plan([Request("vae", f"npz:{tmp_path / 'plain.npy'}", SMALL)], SCORING, [], device="cpu")
    store.write_plan(plan)
    (outcome,) = do(store, plan)
    assert outcome.what == "finished"
    (result,) = ledger(store.folder)
    assert result.metrics == {}
    assert result.losses["test"]["nll"] > 0


def test_a_run_that_was_stopped_is_taken_up_and_ends_bit_for_bit(store: Store, tmp_path: Path) -> None:
    plan = small_plan(store, seeds=1)
    (point,) = plan.points()
    asked = iter([False] * 3 + [True] * 99)
    real = worker.LOOK
    worker.LOOK = 0.0
    try:
        (stopped,) = work(Task(str(store.folder), plan.name, "s", [point.key]), lambda: next(asked))
    finally:
        worker.LOOK = real
    assert stopped.what == "stopped"
    assert not store.result_path(point.key).exists()
    steps = [path.name for path in (store.run_folder(point.key) / "checkpoints").iterdir()]
    assert steps, "there was no checkpoint"
    assert "step_000000006" not in steps
    assert [one.what for one in do(store, plan)] == ["finished"]
    other = Store.make(tmp_path / "other")
    again = small_plan(other, seeds=1)
    do(other, again)
    ours, theirs = store.result(point.key), other.result(point.key)
    assert ours is not None
    assert theirs is not None
    assert told_apart(ours) == told_apart(theirs)


def test_a_run_that_another_holds_is_left_alone(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    (point,) = plan.points()
    claim = Claims(store.files).take(point.key)
    assert claim is not None
    assert [one.what for one in do(store, plan, [point.key])] == ["held"]
    assert not store.run_folder(point.key).exists()
    claim.release()
    assert [one.what for one in do(store, plan, [point.key])] == ["finished"]


def test_a_run_that_fails_is_tried_twice_and_the_others_go_on(store: Store) -> None:
    bad = requests(store.folder.parent, seeds=1, lr=1e30)
    plan = make_plan([*bad, *requests(store.folder.parent, seeds=1)], SCORING, [], device="cpu")
    store.write_plan(plan)
    outcomes = do(store, plan)
    assert sorted(one.what for one in outcomes) == ["failed", "failed", "finished"]
    failing = next(one.key for one in outcomes if one.what == "failed")
    failures = store.failures(failing)
    assert len(failures) == 2
    assert failures[0].error.startswith("NonFiniteLoss: The loss is not finite at step")
    assert "Traceback" in failures[0].traceback
    assert do(store, plan) == []
    assert [one.what for one in do(store, plan, attempts={failing: 3})] == ["failed"]


def test_a_run_whose_workers_always_die_is_given_up(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    (point,) = plan.points()
    held = None
    claims = Claims(store.files)
    for _ in range(MOST_DEATHS):
        taken = claims.take(point.key, over=held)
        assert taken is not None
        held = taken.held
    assert held is not None
    (outcome,) = do(store, plan, [point.key], over={point.key: held})
    assert outcome == Outcome(point.key, "failed", "10 workers died in a row without getting beyond step 0", outcome.seconds)
    assert do(store, plan) == []


def test_the_same_point_asked_for_twice_is_one_run_and_new_values_train_new_points_only(store: Store) -> None:
    first = small_plan(store, seeds=1)
    do(store, first)
    same = {"beta": 4, "encoder_width": 8.0}
    wider = make_plan(
        [*requests(store.folder.parent, seeds=2, **same), *requests(store.folder.parent)], SCORING, store.plans(), device="cpu"
    )
    store.write_plan(wider)
    assert len(list(wider.points())) == 2
    assert [one.what for one in do(store, wider)] == ["finished"]


def test_a_request_that_means_something_else_by_now_is_refused_with_the_field(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    (group,) = plan.groups
    code = msgspec.structs.replace(plan.code, version="0.0.9", digest="other")
    changed = {**group.configuration, "lr": 0.5}
    old = msgspec.structs.replace(plan, groups=[msgspec.structs.replace(group, configuration=changed)], code=code)
    with pytest.raises(ConfigMismatch, match=r"means something else .*version 0\.0\.9.*lr: 0\.5 then, 0\.0005 now"):
        make_plan(requests(store.folder.parent, seeds=1), SCORING, [old], device="cpu")
    with pytest.raises(CodeMismatch, match=r"planned with unbraid version 0\.0\.9.*--allow-version-change"):
        require_same_code(code, allow=False)
    require_same_code(code, allow=True)
    store.write_plan(old)
    refused = do(store, old)
    assert [one.what for one in refused] == ["refused"]
    assert "version 0.0.9" in refused[0].text
    outcome = do(store, old, [next(iter(old.points())).key], allow_version_change=True)[0]
    assert outcome.what == "refused"
    assert "lr: 0.5 then, 0.0005 now" in outcome.text
    assert not store.failures(outcome.key), "the run is not to blame"


def test_a_folder_of_other_code_takes_no_runs_until_that_is_allowed(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    here = plan.code
    old = msgspec.structs.replace(plan, code=msgspec.structs.replace(here, version="0.0.9", digest="other"))
    store.write_plan(old)
    wider = make_plan(requests(store.folder.parent), SCORING, store.plans(), device="cpu")
    with LocalExecutor(1) as engine:
        with pytest.raises(CodeMismatch, match=r"planned with unbraid version 0\.0\.9"):
            conduct(store, wider, engine)
        assert [one.name for one in store.plans()] == [old.name], "a plan was written"
        assert conduct(store, wider, engine, allow_version_change=True).finished == 2
        assert conduct(store, wider, engine).finished == 2  # it was allowed once
    committed = msgspec.structs.replace(here, commit="f" * 40)
    require_same_code(committed, allow=False)  # a commit that changes no source is no other code


def test_plans_and_results_of_former_names_are_understood_and_keep_their_keys(store: Store) -> None:
    path = store.folder.parent
    plan = make_plan(requests(path, seeds=1, model="factor_vae", discriminator_lr=1e-4), SCORING, [], device="cpu")
    (group,) = plan.groups
    names = {"discriminator_lr": "critic_lr", "discriminator_layers": "critic_layers", "discriminator_width": "critic_width"}

    def formerly(options: dict[str, Any], **told: Any) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in {**options, **told}.items()}

    before = msgspec.structs.replace(
        group,
        options=formerly(group.options),
        configuration={**group.configuration, "model_options": formerly(group.configuration["model_options"])},
    )
    old = msgspec.structs.replace(plan, groups=[before], code=msgspec.structs.replace(plan.code, digest="other"))
    again = make_plan(requests(path, seeds=2, model="factor_vae", discriminator_lr=1e-4), SCORING, [old], device="cpu")
    assert [point.key for point in again.points()][:1] == [point.key for point in old.points()]
    assert again.groups[0].options["discriminator_lr"] == 1e-4

    del before.configuration["model_options"]["discriminator_init"]  # there was no such option, and weights were torch's
    with pytest.raises(ConfigMismatch, match=r"model discriminator_init: 'torch' then, 'kaiming' now"):
        make_plan(requests(path, seeds=1, model="factor_vae", discriminator_lr=1e-4), SCORING, [old], device="cpu")

    do(store, small_plan(store, seeds=1))
    (result,) = ledger(store.folder)
    told = msgspec.to_builtins(result)
    told["metrics"]["strong_generalisation"] = told["metrics"]["mig"]
    told["configuration"]["model_options"] = {"critic_lr": 1}
    store.result_path(result.key).write_bytes(msgspec.json.encode(told))
    (read,) = ledger(store.folder)
    assert "strong_generalization" in read.metrics
    assert read.configuration["model_options"] == {"discriminator_lr": 1}
    assert read.key == result.key


def test_what_a_worker_s_machine_lacks_is_no_failure_of_the_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = small_plan(store)

    def missing(*_: Any) -> None:
        raise DataUnavailable("spots.npz is not on this machine.")

    monkeypatch.setattr("unbraid.sweep.runs.resolve", missing)
    (outcome,) = do(store, plan)
    assert outcome.what == "refused"
    assert re.search(rf"cannot be trained on {socket.gethostname()}: spots.npz is not on this machine", outcome.text)
    assert not store.attempts({point.key for point in plan.points()})
    monkeypatch.undo()
    assert [one.what for one in do(store, plan)] == ["finished", "finished"]


def test_a_damaged_plan_is_told_and_the_others_are_read(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    (store.folder / "plans" / "0123456789abcdef.json").write_text("{")
    damaged: list[str] = []
    assert [one.name for one in store.plans(damaged=damaged)] == [plan.name]
    assert "0123456789abcdef.json is not valid JSON" in damaged[0]
    with pytest.raises(CorruptFile):
        store.plans()


def test_who_looks_once_tells_the_silent_by_the_time_of_their_claim(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    (point,) = plan.points()
    claim = Claims(store.files).take(point.key)
    assert claim is not None
    elsewhere = msgspec.structs.replace(claim.held, owner=Owner("t", "other-host", "another boot", 1, "1"))
    path = store.folder / "claims" / point.key[:2] / f"{point.key}.0"
    path.write_bytes(msgspec.json.encode(elsewhere))
    assert list(Watcher(store, [plan], once=True).look().running) == [point.key]
    then = path.stat().st_mtime - 3600
    os.utime(path, (then, then))
    assert list(Watcher(store, [plan], once=True).look().silent) == [point.key]
    assert store.seconds_silent(elsewhere) == pytest.approx(3600, abs=60)
    assert list(Watcher(store, [plan]).look().running) == [point.key], "claims are judged by the times of files"


def test_data_that_changed_are_resolved_anew_and_refused(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    path = small_file(store.folder.parent)
    path.unlink()
    import numpy as np

    rng = np.random.default_rng(1)
    np.savez(path, images=rng.integers(0, 255, (96, 28, 28), dtype=np.uint8), factors=rng.integers(0, 3, (96, 3)))
    with pytest.raises(ConfigMismatch, match="data_digest"):
        make_plan(requests(store.folder.parent, seeds=1), SCORING, [plan], device="cpu")


def test_what_is_known_is_not_resolved_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = small_plan(store)
    monkeypatch.setattr("unbraid.sweep.planning.resolve", lambda _: pytest.fail("resolved again"))
    assert make_plan(requests(store.folder.parent, seeds=5), SCORING, [plan]).groups[0].seeds == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"beat": 4}, UnknownName, "Did you mean 'beta'"),
        ({"out": "x"}, UsageError, "--out has no place among the options of a sweep"),
        ({"beta": "much"}, UsageError, "--beta of model 'beta_vae' is 'much'; allowed: a number at least 0"),
        ({"seed": -1}, UsageError, "--seed"),
    ],
)
def test_what_cannot_be_is_refused_before_work_starts(
    store: Store, options: dict[str, Any], kind: type[Exception], match: str
) -> None:
    one = requests(store.folder.parent, seeds=1)[0]
    with pytest.raises(kind, match=match):
        make_plan([Request(one.model, one.data, {**one.options, **options})], SCORING, [])


def test_a_damaged_result_is_named_and_the_others_are_read(store: Store) -> None:
    plan = small_plan(store)
    do(store, plan)
    keys = sorted(point.key for point in plan.points())
    path = store.result_path(keys[0])
    path.write_text(path.read_text()[:-400])
    with pytest.raises(CorruptFile, match=f"{keys[0]}.json is not valid JSON"):
        store.result(keys[0])
    damaged: list[str] = []
    assert [one.key for one in ledger(store.folder, damaged=damaged)] == keys[1:]
    assert len(damaged) == 1
    aside = store.set_aside(keys[0], ".damaged")
    assert aside.is_file()
    assert [one.what for one in do(store, plan)] == ["finished"]
    path.write_text(store.result_path(keys[1]).read_text())
    with pytest.raises(CorruptFile, match=f"holds the result of run {keys[1]}"):
        store.result(keys[0])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_stops_the_worker_and_counts_as_no_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    plan = small_plan(store, seeds=1)
    (point,) = plan.points()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("unbraid.api.train_planned", full)
    (outcome,) = do(store, plan)
    assert outcome.what == "refused"
    assert os.strerror(number) in outcome.text
    assert "Nothing that was written is lost" in outcome.text
    assert store.failures(point.key) == []
    monkeypatch.undo()
    assert [one.what for one in do(store, plan)] == ["finished"]


def test_two_publications_are_one(store: Store) -> None:
    plan = small_plan(store, seeds=1)
    do(store, plan)
    (result,) = ledger(store.folder)
    assert not store.publish(msgspec.structs.replace(result, seed=9))
    assert next(ledger(store.folder)).seed == 0


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="exists and is not the folder of a sweep"):
        Store.make(tmp_path)
    with pytest.raises(UsageError, match="is not the folder of a sweep"):
        Store.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_scoring_is_part_of_the_plan_and_not_of_the_run(store: Store) -> None:
    one = small_plan(store, seeds=1)
    other = make_plan(requests(store.folder.parent, seeds=1), Scoring(32, ["mig"]), [], device="cpu")
    assert one.name != other.name
    assert [point.key for point in one.points()] == [point.key for point in other.points()]
