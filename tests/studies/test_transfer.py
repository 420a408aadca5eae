"""Transfer curves of a study: made of a run, and read back from what the ledger keeps."""

import numpy as np
import pytest

import unbraid
from helpers.results import result_of
from unbraid.figures.style import FAINT
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.grids import GridMaps
from unbraid.studies.measures import NLL, Run
from unbraid.studies.parts import not_run
from unbraid.studies.results import Results
from unbraid.studies.transfer import TransferCurves, TransferTable, accuracy, efficiency, gain, probed, softened

LENGTHS = {"cpu": Length(64, 2)}
ARM, OTHER = (Arm(name, "vae", "mnist", {"batch_size": 32}, LENGTHS) for name in ("one", "other"))
KEPT = {
    "label_counts": [10, 100],
    "draws": 5,
    "chance": 0.1,
    "curves": {
        "encoder": {"none": {"accuracy": [0.2, 0.8], "loss": [2.0, 1.0]}, "l2": {"accuracy": [0.3, 0.6], "loss": [1.0, 1.0]}},
        "pixels": {"none": {"accuracy": [0.4, 0.9], "loss": [2.0, 1.0]}},
    },
}


def made(arm, seed, evidence, nll=1.0):
    configuration = {
        "model": arm.model,
        "data": arm.data,
        "model_options": {},
        "data_options": {},
        "latent_dim": 2,
        "steps": 1,
        "batch_size": 32,
    }
    told = {"losses": {"test": {"nll": nll}}, "metrics": {}, "active": [True], "kl_per_dim": [1.0], "given": {}}
    return Run(result_of(configuration, seed, told), evidence)


def results(**runs):
    study = Study("?", (ARM, OTHER), (), ())
    return Results("name", study, "cpu", None, {"one": [], "other": []} | runs)


def test_measures_read_the_curves_that_the_ledger_keeps():
    run = made(ARM, 0, {"probe": KEPT})
    assert accuracy(100).of(run) == 0.8
    assert accuracy(100, "l2").of(run) == 0.6
    assert gain(10, 100).of(run) == pytest.approx(0.6)
    assert efficiency(10, 100).of(run) == pytest.approx((0.2 - 0.1) / (0.8 - 0.1))  # chance is 0.1
    assert softened(100).of(run) == pytest.approx(0.6 - 0.8)
    assert np.isnan(accuracy(30).of(run))
    collapsed = {**KEPT, "curves": {"encoder": {"none": {"accuracy": [0.1, 0.11]}}}}
    assert efficiency(10, 100).of(made(ARM, 0, {"probe": collapsed})) == 0  # constant codes would have all of it
    assert np.isnan(efficiency(10, 100).of(made(ARM, 0, {})))


def test_tables_and_figures_have_null_rows_and_arms_without_runs():
    found = results(one=[made(ARM, 0, {"probe": KEPT}), made(ARM, 1, {"probe": KEPT})])
    (table,) = TransferTable("Fig. 7", (ARM, OTHER), (10, 100), "none").blocks(found)
    assert [row[0] for row in table.rows] == ["one", "other", "pixels", "chance"]
    assert table.rows[0][1] == "2"
    assert table.rows[0][3].startswith("0.800")
    assert table.rows[1][1] == "not run"
    assert table.rows[2][2:] == ["0.400", "0.900"]
    assert table.rows[3][2:] == ["0.100", "0.100"]
    (chart,) = TransferCurves("Fig. 7", [("2 latents", [("β 1", ARM), ("β 2", OTHER)])]).blocks(found)
    ax = chart.figure.axes[0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["β 1", "pixels"]
    colors = {line.get_label(): line.get_color() for line in ax.get_lines() if not line.get_label().startswith("_")}
    assert colors["pixels"] == FAINT != colors["β 1"]
    (prose,) = TransferCurves("Fig. 7", [("2 latents", [("β 1", ARM)])]).blocks(results())
    assert "Not run yet: one" in prose.paragraphs[0]


def test_heat_maps_are_of_means_over_seeds_and_mark_cells():
    grid = {(0.1, 5): ARM, (2.0, 5): OTHER}
    part = GridMaps("Fig. 2", grid, ("β", "latents"), [NLL, accuracy(100)], [(2.0, 5)])
    (chart,) = part.blocks(results(one=[made(ARM, 0, {"probe": KEPT}, 10.0), made(ARM, 1, {"probe": KEPT}, 12.0)]))
    assert [[text.get_text() for text in ax.texts] for ax in chart.figure.axes] == [["11", "–"], ["0.8", "–"]]
    assert [len(ax.patches) for ax in chart.figure.axes] == [1, 1]
    assert [text.get_text() for text in chart.figure.axes[0].get_xticklabels()] == ["0.1", "2"]
    (prose,) = part.blocks(results())
    assert "Not run yet: one and other" in prose.paragraphs[0]


def test_evidence_has_the_same_curves_as_a_probe(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (120, 28, 28), np.uint8)
    labels = np.arange(120) % 3
    own = unbraid.dataset(images, labels=labels, test_share=0.5)
    options = {"steps": 2, "batch_size": 8, "latent_dim": 2, "encoder": "mlp", "decoder": "mlp"}
    model = unbraid.train("vae", own, out=tmp_path / "run", device="cpu", **options)
    view = unbraid.api.view_of(tmp_path / "run", data=own, device="cpu")
    kept = probed(lambda view: True, lambda view: True).make(view)
    probe = model.probe(own)
    assert kept["label_counts"] == probe.found.label_counts == [10, 30]
    wanted = np.mean(probe.found.curve("PCA", 1.0).accuracy, 0)
    assert kept["curves"]["PCA"]["l2"]["accuracy"] == pytest.approx(wanted, abs=1e-4)
    assert set(kept["curves"]) == {"encoder", "untrained", "PCA", "pixels"}
    assert set(probed(lambda view: True, lambda view: False).make(view)["curves"]) == {"encoder"}
    assert probed(lambda view: False, lambda view: True).make(view) is None


def test_names_with_commas_that_are_not_run_are_kept_apart():
    arms = [Arm(name, "vae", "mnist", {"batch_size": 32}, LENGTHS) for name in ("one", "one, two")]
    assert not_run("T", arms).paragraphs == ["Not run yet: one; one, two."]
