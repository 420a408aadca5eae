"""Rows of codes that know nothing of training: one of each kind, told apart by what differs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helpers.study_results import keep, made_result
from unbraid.files import read_json, write_json
from unbraid.studies import nulls
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.measures import Run, above_untrained, score
from unbraid.studies.nulls import key_of, null_rows, with_nulls
from unbraid.studies.results import find
from unbraid.studies.writing import tell
from unbraid.sweep.records import Result

MIG = score("mig")


def arm(name: str, model: str = "vae", data: str = "ellipses", **options: Any) -> Arm:
    return Arm(name, model, data, {"batch_size": 64, "encoder": "burgess", **options}, {"cpu": Length(6_400, 1)})


def started(one: Arm, untrained: float, **data_options: Any) -> Result:
    """A run whose untrained encoder has a score."""
    made = made_result(one, 0, 0.1)
    metrics = {"mig": {**made.metrics["mig"], "untrained": untrained}}
    options = {**made.configuration["data_options"], **data_options}
    return msgspec.structs.replace(made, metrics=metrics, configuration={**made.configuration, "data_options": options})


def rows_of(tmp_path: Path, *runs: tuple[Arm, Result]) -> dict[str, float]:
    """Rows of runs; PCA's score says of how many latents it is."""
    for _, result in runs:
        keep(tmp_path, result)
    results = find("mine", Study("?", list(dict.fromkeys(one for one, _ in runs)), (), ()), "cpu", [tmp_path])
    found = results.everything
    nulls = {key_of(run): {"pca": {"mig": {"score": run.result.configuration["latent_dim"] / 1_000}}} for run in found}
    rows = null_rows(replace(results, nulls=nulls), found, [MIG])
    return {name: own["mig"] for name, own in rows.items()}


def test_codes_of_other_numbers_of_latents_have_rows_of_their_own(tmp_path: Path) -> None:
    few, many = arm("few", latent_dim=5), arm("many", latent_dim=125)
    assert rows_of(tmp_path, (few, started(few, 0.1)), (many, started(many, 0.2))) == {
        "untrained encoder, 5 latents": 0.1,
        "PCA, 5 latents": 0.005,
        "untrained encoder, 125 latents": 0.2,
        "PCA, 125 latents": 0.125,
    }


def test_only_like_encoders_are_averaged(tmp_path: Path) -> None:
    runs = [(arm("a"), 0.1), (arm("b", beta=4, model="beta_vae"), 0.3), (arm("c", model="qlae"), 0.5)]
    runs += [(arm("d", encoder="golla"), 0.7)]
    found = rows_of(tmp_path, *((one, started(one, score)) for one, score in runs))
    assert found == {
        "untrained encoder, burgess": 0.2,
        "untrained encoder, burgess, quantized": 0.5,
        "untrained encoder, golla": 0.7,
        "PCA": 0.003,
    }


def test_a_seed_counts_once_however_many_models_begin_with_it(tmp_path: Path) -> None:
    one, other = arm("a"), arm("b", beta=4, model="beta_vae")
    second = msgspec.structs.replace(started(one, 0.4), seed=1, key="b" * 16)
    found = rows_of(tmp_path, (one, started(one, 0.1)), (other, started(other, 0.1)), (one, second))
    assert found["untrained encoder"] == pytest.approx((0.1 + 0.4) / 2)


def test_rows_of_one_kind_say_no_more_than_their_name(tmp_path: Path) -> None:
    one = arm("a")
    assert rows_of(tmp_path, (one, started(one, 0.1))) == {"untrained encoder": 0.1, "PCA": 0.003}


def test_data_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    all_of_them, some, others = arm("a"), arm("b", unseen="x=0"), arm("c", data="shapes")
    found = rows_of(
        tmp_path,
        (all_of_them, started(all_of_them, 0.1, turn="half")),
        (some, started(some, 0.2, turn="half", unseen="x=0")),
        (others, started(others, 0.3, shape="heart")),
    )
    assert [name for name in found if name.startswith("untrained")] == [
        "untrained encoder, ellipses",
        "untrained encoder, ellipses, unseen x=0",
        "untrained encoder, shapes",
    ]


def test_what_a_score_is_above_that_of_the_untrained_encoder() -> None:
    one = arm("a")
    assert above_untrained("mig", "more").of(Run(started(one, 0.04))) == pytest.approx(0.1 - 0.04)
    assert math.isnan(above_untrained("sap", "more").of(Run(started(one, 0.04))))


def test_stored_scores_count_where_they_have_all_kinds_and_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a ledger lacks is scored, and what another study keeps there stays."""
    one = arm("a")
    keep(tmp_path, started(one, 0.1))
    results = find("mine", Study("?", [one], (), (), metrics=("mig",)), "cpu", [tmp_path])
    asked: list[list[str]] = []

    def scored(run: Run, metrics: list[str]) -> dict[str, dict[str, dict[str, float]]]:
        asked.append(metrics)
        return {"pca": {name: {"score": 0.5} for name in metrics}, "oracle": {name: {"score": 1.0} for name in metrics}}

    monkeypatch.setattr(nulls, "_scored", scored)
    path = tmp_path / "nulls" / f"{key_of(results.everything[0])}.json"
    first = with_nulls(results, [tmp_path], keep=tmp_path)
    assert asked == [["mig"]]
    with_nulls(results, [tmp_path], keep=tmp_path)
    assert asked == [["mig"]]
    write_json(path, {**read_json(path, "nulls"), "metrics": ["sap"]})
    with_nulls(results, [tmp_path], keep=tmp_path)
    assert asked[1:] == [["mig", "sap"]]
    write_json(path, {**read_json(path, "nulls"), "kinds": ["pca"]})  # of a version with fewer kinds
    with_nulls(results, [tmp_path], keep=tmp_path)
    assert len(asked) == 3
    without = with_nulls(results, [tmp_path / "elsewhere"], keep=None)
    assert (len(asked), without.nulls) == (3, {path.stem: {}})
    told = {name: tell(found, "the tests").notes for name, found in {"first": first, "without": without}.items()}
    (with_both,) = (note for note in told["first"] if note.startswith("Rows without runs"))
    assert with_both.endswith(
        "training: the encoders before their first step, PCA of the pixels with as many components as the models have "
        "latents and an oracle that has the factors as latents. All but the encoders are scored on 5,000 images."
    )
    assert any(note.endswith("training: the encoders before their first step.") for note in told["without"])
