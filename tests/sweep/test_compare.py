"""Comparisons: what is told of results, in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import stats

from helpers.commands import run
from helpers.results import result_of
from helpers.small_runs import small_plan
from unbraid.errors import UsageError
from unbraid.sweep.code import Code, code_here
from unbraid.sweep.compare import nulls
from unbraid.sweep.compare.comparison import Comparison, compare
from unbraid.sweep.compare.page import numeric_options, render
from unbraid.sweep.compare.writing import WRITERS, headline, main_table, notes_of
from unbraid.sweep.points import key_of
from unbraid.sweep.records import Result
from unbraid.sweep.store import Store, ledger
from unbraid.sweep.tasks import Task
from unbraid.sweep.worker import work


def result(seed: int, mig: float, *, beta: float = 4.0, latents: int = 5, model: str = "beta_vae", **more: Any) -> Result:
    configuration = {
        "model": model,
        "model_options": {"beta": beta},
        "data": "ellipses",
        "data_options": {"size": 32},
        "latent_dim": latents,
        "batch_size": 64,
        "steps": 100,
        "lr": 1e-3,
    }
    score = {"score": mig, "per_factor": {"x": mig}, "chance": 0.0, "untrained": 0.05}
    told = {
        "losses": {"test": {"nll": 50 - 10 * mig, "loss": 60.0, "terms": {"kl": 9.0}, "log_p_bound": {"value": -55.0}}},
        "metrics": {"mig": score, "dci": {"score": mig / 2, "disentanglement": {"score": mig / 2}}},
        "active": [True, False],
        "kl_per_dim": [8.0, 0.1],
    }
    return result_of(configuration, seed, told, **more)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A ledger: four configurations of five seeds; at beta 4 MIG is higher by 0.1."""
    rng = np.random.default_rng(0)
    for beta in (1.0, 4.0):
        for latents in (5, 10):
            for seed in range(5):
                write(tmp_path, result(seed, 0.2 + 0.1 * (beta == 4) + 0.02 * rng.random(), beta=beta, latents=latents))
    return tmp_path


def write(folder: Path, one: Result) -> None:
    (folder / f"{one.key}.json").write_bytes(msgspec.json.encode(one))


def test_seeds_are_taken_together_and_named_by_what_differs(place: Path) -> None:
    found = compare([place], with_nulls=False)
    assert {one.label for one in found.configurations} == {
        f"beta_vae, beta {beta}, latent dim {latents}" for beta in (1, 4) for latents in (5, 10)
    }
    assert all(one.seeds == (0, 1, 2, 3, 4) for one in found.configurations)
    best = found.configurations[0]
    assert "beta 4" in best.label
    summary = found.summaries[best.label, "mig"]
    assert (summary.n, found.ranks[best.label].place) == (5, 1)
    assert found.leading.key == "mig"
    assert "dci.disentanglement" in {one.key for one in found.quantities}
    assert "dci" not in {one.key for one in found.quantities}


def test_differences_are_paired_and_corrected(place: Path) -> None:
    found = compare([place], with_nulls=False)
    assert len(found.differences) == 6
    across = [one for one in found.differences if ("beta 4" in one.first) != ("beta 4" in one.second)]
    assert all(one.n == 5 and one.p_corrected is not None and one.p_corrected < 0.01 for one in across)
    assert all(one.p_corrected >= one.p for one in found.differences if one.p is not None)  # type: ignore[operator]
    assert "Holm (1979)" in " ".join(notes_of(found))
    assert "comes first by mig" in headline(found)


def test_a_small_ledger_by_hand(tmp_path: Path) -> None:
    """Two configurations, four seeds, numbers that fit on a line; everything said of them against scipy."""
    scores = {1.0: [0.10, 0.20, 0.15, 0.25], 4.0: [0.30, 0.35, 0.20, 0.45], 9.0: [0.31, 0.22, 0.40, 0.25]}
    for beta, values in scores.items():
        for seed, value in enumerate(values):
            write(tmp_path, result(seed, value, beta=beta))
    found = compare([tmp_path], with_nulls=False)
    means = {one.settings["beta"]: found.summaries[one.label, "mig"] for one in found.configurations}
    for beta, values in scores.items():
        own = means[beta]
        assert own.mean == pytest.approx(sum(values) / 4)
        assert own.sd == pytest.approx(np.std(values, ddof=1))
        assert own.t_interval == pytest.approx(stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values)))
        theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=9_999, rng=np.random.default_rng(3))
        assert own.bootstrap_interval == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert [one.settings["beta"] for one in found.configurations] == [4.0, 9.0, 1.0]
    betas = {one.label: one.settings["beta"] for one in found.configurations}
    raw = [stats.ttest_rel(scores[betas[one.first]], scores[betas[one.second]]).pvalue for one in found.differences]
    assert [one.p for one in found.differences] == pytest.approx(raw)
    ordered = sorted(raw)
    steps = [min(1.0, 3 * ordered[0]), min(1.0, 2 * ordered[1]), ordered[2]]
    holm = dict(zip(ordered, np.maximum.accumulate(steps), strict=True))
    assert [one.p_corrected for one in found.differences] == pytest.approx([holm[p] for p in raw])
    rules = {one.rule: one for one in found.chosen}
    assert (rules["the best run"].target, rules["the best run"].seed) == (0.45, 3)
    assert rules["any run, on average"].regret == pytest.approx(0.45 - np.mean(list(scores.values())))
    assert rules["lowest reconstruction"].regret == pytest.approx(0)
    assert "0.325 (0.159 to 0.491)" in WRITERS["md"](found)
    assert "rank correlation −1.00 over 12 runs" in render(found)  # the reconstruction of these results falls as MIG grows


def test_a_default_that_differs_between_models_is_no_axis(tmp_path: Path) -> None:
    for model, latents in (("beta_vae", 5), ("beta_tcvae", 6)):
        for beta in (1.0, 4.0):
            for seed in range(3):
                write(tmp_path, result(seed, 0.1 * seed, model=model, beta=beta, latents=latents))
    assert numeric_options(compare([tmp_path], with_nulls=False)) == ["beta"]


def test_rules_of_selection_have_a_regret(place: Path) -> None:
    found = compare([place], with_nulls=False)
    by_rule = {one.rule: one for one in found.chosen}
    assert by_rule["the best run"].regret == 0
    assert by_rule["lowest reconstruction"].regret == pytest.approx(0)  # in these results it follows MIG
    best = by_rule["the best run"].target
    values = [one.metrics["mig"]["score"] for one in ledger(place)]
    assert best == max(values)
    assert by_rule["any run, on average"].regret == pytest.approx(best - np.mean(values))


def test_mixed_versions_are_marked_in_every_table(place: Path) -> None:
    plain = compare([place], with_nulls=False)
    assert not plain.marks
    write(place, result(7, 0.9, code=Code("0.2.0", "abcdef0123456", "d2")))
    mixed = compare([place], with_nulls=False)
    rows = main_table(mixed)
    assert all("[" in row[0] for row in rows[1:] if row[1] != "–")
    texts = {kind: writer(mixed) for kind, writer in WRITERS.items()}
    assert all("version 0.2.0, commit abcdef0123" in text for text in texts.values())
    assert "Mixed versions made these runs: [a]" in texts["md"]
    assert "version 0.2.0, commit abcdef0123" in render(mixed)


def test_forms_hold_the_same_numbers(place: Path) -> None:
    found = compare([place], with_nulls=False)
    best = found.configurations[0]
    summary = found.summaries[best.label, "mig"]
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"](found))))
    own = next(row for row in rows if row["configuration"] == best.label and row["quantity"] == "mig")
    assert float(own["mean"]) == summary.mean
    assert (float(own["t_low"]), float(own["t_high"])) == summary.t_interval
    content = json.loads(WRITERS["json"](found))
    told = content["configurations"][0]["quantities"]["mig"]
    assert told["mean"] == summary.mean
    assert set(told["values"]) == {"0", "1", "2", "3", "4"}
    text = f"{summary.mean:.3f}"
    assert text in WRITERS["md"](found)
    latex = WRITERS["tex"](found)
    assert text in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 4
    assert "_" not in latex.replace(r"\_", "")


@pytest.mark.parametrize("width", [80, 100, 200])
def test_numbers_on_a_terminal_are_whole(tmp_path: Path, width: int, monkeypatch, capsys) -> None:
    from unbraid.cli import console
    from unbraid.cli.main import main

    for model in ("vae", "beta_vae"):
        for seed in range(3):
            write(tmp_path, result(seed, 0.3 + seed / 100, model=model))
    monkeypatch.setattr(console.out, "width", width)
    assert main(["compare", str(tmp_path), "--no-nulls"]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert shown.count("0.310 ± 0.025") == 2


def test_names_of_scores_stand_within_a_sentence() -> None:
    from unbraid.sweep.compare.selection import _within_a_sentence

    names = ("Overlap of the columns", "UDR (no labels)", "−log p(x)", "mig", "dci.completeness", "r2")
    assert [_within_a_sentence(name)[:3] for name in names] == ["ove", "UDR", "−lo", "mig", "dci", "r2"]


def test_runs_on_different_data_are_compared_with_a_caution(tmp_path: Path) -> None:
    one = result(0, 0.3)
    write(tmp_path, one)
    assert "different data" not in " ".join(notes_of(compare([tmp_path], with_nulls=False)))
    told = {name: getattr(one, name) for name in ("losses", "metrics", "active", "kl_per_dim")}
    write(tmp_path, result_of({**one.configuration, "data": "shapes"}, 0, told))
    notes = notes_of(compare([tmp_path], with_nulls=False))
    assert notes[0] == "Scores on different data (ellipses, shapes) say nothing about which model is better."


def test_the_caution_names_the_options_by_which_data_differ(tmp_path: Path) -> None:
    one = result(0, 0.3)
    told = {name: getattr(one, name) for name in ("losses", "metrics", "active", "kl_per_dim")}
    for i, own in enumerate(({"size": 32}, {"size": 64}, {"size": 32, "order": "one_factor"}, {"size": 32, "turn": "full"})):
        write(tmp_path, result_of({**one.configuration, "data_options": own, "lr": i + 1.0}, 0, told))
    notes = notes_of(compare([tmp_path], with_nulls=False))
    assert notes[0].startswith("Scores on different data (ellipses size 32, ellipses size 32 turn full, ellipses size 64) say")


def test_of_a_single_run_nothing_is_chosen_and_nothing_compared(tmp_path: Path) -> None:
    write(tmp_path, result(0, 0.3))
    found = compare([tmp_path], with_nulls=False)
    assert headline(found) == "beta_vae alone: mig 0.300; there is nothing to compare it with."
    assert "Choosing a run" not in WRITERS["md"](found)
    assert "Differences" not in " ".join(notes_of(found))
    write(tmp_path, result(1, 0.4))
    found = compare([tmp_path], with_nulls=False)
    assert headline(found).startswith("beta_vae alone: mig 0.350 (")
    assert headline(found).endswith(") over 2 seeds; there is nothing to compare it with.")
    assert "any run, on average" in WRITERS["md"](found)


def test_the_page_has_every_plot(place: Path) -> None:
    page = render(compare([place], with_nulls=False))
    for title in (
        "Every run",
        "mig over beta",
        "mig over latent dim",
        "mig of beta_vae over beta and latent dim",
        "mig against",
    ):
        assert title in page
    assert page.count("<svg") == 4 + 6
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_damaged_file_is_told_and_the_rest_compared(place: Path) -> None:
    path = next(place.glob("*.json"))
    path.write_text(path.read_text()[:50])
    found = compare([place], with_nulls=False)
    assert found.n_runs == 19
    assert any(path.name in note for note in found.notes)


def test_scores_that_are_corrected_for_null_encoders_have_columns(tmp_path: Path) -> None:
    """Of the runs that were scored with them; others have a dash."""
    for seed in range(3):
        corrected = result(seed, 0.4 + 0.01 * seed)
        mig = {**corrected.metrics["mig"], "null": 0.1, "corrected": 0.3 + 0.01 * seed}
        write(tmp_path, msgspec.structs.replace(corrected, metrics={**corrected.metrics, "mig": mig}))
        write(tmp_path, result(seed, 0.5, beta=1.0))
    found = compare([tmp_path], metrics=["mig"], with_nulls=False)
    assert [what.key for what in found.quantities][:2] == ["mig", "mig.corrected"]
    head, *rows = main_table(found)
    column = head.index("mig, corrected")
    cells = {row[0]: row[column] for row in rows}
    assert [cell.startswith("0.310") for cell in sorted(cells.values())].count(True) == 1 < len(cells)
    means = [found.summaries[one.label, "mig.corrected"].mean for one in found.configurations]
    assert sorted(mean for mean in means if np.isfinite(mean)) == pytest.approx([0.31])
    assert compare([tmp_path], with_nulls=False, by="mig.corrected").leading.name == "mig, corrected"


def test_what_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has such a score; there are mig"):
        compare([place], by="mog", with_nulls=False)
    with pytest.raises(UsageError, match="No run was scored by 'sap'"):
        compare([place], metrics=["sap"], with_nulls=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"There is nothing at .*nowhere; give the folder of a sweep"):
        compare([place, tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="holds no result"):
        compare([tmp_path / "empty"])


def made(tmp_path: Path) -> Store:
    store = Store.make(tmp_path / "sweep")
    plan = small_plan(store, seeds=3)
    assert len(work(Task(str(store.folder), plan.name, "s"))) == 3
    return store


def test_a_sweep_is_compared_with_what_knows_nothing_and_by_udr(tmp_path: Path) -> None:
    store = made(tmp_path)
    found: Comparison = compare([store.folder])
    assert set(found.nulls) == {
        "untrained, mean of all",
        "PCA, 2 latents",
        "ICA, 2 latents",
        "random code, 2 latents",
        "random linear map of the factors, 2 latents",
        "one factor in every latent, 2 latents",
    }
    assert found.nulls["one factor in every latent, 2 latents"]["mig"] == 0
    assert found.nulls["random code, 2 latents"]["mig"] < 0.2
    assert all(np.isfinite(own["mig"]) for own in found.nulls.values())
    assert "highest UDR (no labels)" in {one.rule for one in found.chosen}
    again = compare([store.folder])
    assert dict(again.nulls) == dict(found.nulls)
    assert len(list((store.folder / "nulls").glob("*.json"))) == 1


def test_null_codes_of_two_sizes_of_one_data_set_have_rows_of_their_own(tmp_path: Path, monkeypatch: Any) -> None:
    for size, digest in ((32, "a" * 16), (64, "b" * 16), (64, "c" * 16)):
        one = result(0, 0.2)
        told = {"data_options": {"size": size, "path": None}, "data_digest": digest}
        configuration = {**one.configuration, **told}
        write(tmp_path, msgspec.structs.replace(one, configuration=configuration, key=key_of(configuration, 0)))
    monkeypatch.setattr(
        nulls, "_of", lambda one, *_: {"pca": {"mig": {"score": one.results[0].configuration["data_options"]["size"]}}}
    )
    found = compare([tmp_path])
    told = {name: own["mig"] for name, own in found.nulls.items() if name.startswith("PCA")}
    assert told == {
        "PCA, 5 latents, ellipses size 32 contents aaaaaaaa": 32,
        "PCA, 5 latents, ellipses size 64 contents bbbbbbbb": 64,
        "PCA, 5 latents, ellipses size 64 contents cccccccc": 64,
    }


def test_run_folders_and_their_sweep_tell_the_same(tmp_path: Path) -> None:
    store = made(tmp_path)
    runs = sorted(path.parent for path in (store.folder / "runs").rglob("config.json"))
    one, other = compare([store.folder], with_nulls=False), compare(runs, with_nulls=False)
    assert dict(one.summaries) == dict(other.summaries)
    assert one.configurations[0].results[0].code == code_here()


def test_the_command_prints_and_writes(place: Path) -> None:
    text = run(place, "compare", ".", "--no-nulls")
    assert "comes first by mig" in text
    assert "Ranking by mig" in text
    assert max(map(len, text.splitlines()[4:40])) <= 80
    assert "Comparison of 20 runs: page.html" in run(place, "compare", ".", "--no-nulls", "-o", "page.html")
    assert "exists" in run(place, "compare", ".", "--no-nulls", "-o", "page.html", code=2)
    assert "ends in .pdf" in run(place, "compare", ".", "-o", "x.pdf", code=2)
    assert "Give the folder of a sweep" in run(place, "compare", code=2)
