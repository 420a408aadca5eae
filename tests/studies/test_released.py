"""Published weights, scored anew, and the parts of a page that show them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unbraid.config.parts import recipe_of
from unbraid.config.plan import plan
from unbraid.data.dataset import load_dataset
from unbraid.evaluation.encoding import encode_posteriors
from unbraid.files import write_json
from unbraid.model import Model
from unbraid.studies import released
from unbraid.studies.blocks import Prose, Table
from unbraid.studies.registry import studies
from unbraid.studies.released import Arithmetic, FaultTable, FirstBatchTable, ReleasedTable, first_batch, measure, ranking
from unbraid.studies.results import find


@pytest.fixture(scope="module")
def nothing():
    """The study without a run."""
    return find("dsprites-objectives", studies["dsprites-objectives"].factory(), "cpu", [])


@pytest.fixture(scope="module")
def scored():
    """A model of random weights, its data, its codes and what is measured of them."""
    data = load_dataset("dsprites_reduced", test_share=0.0)
    experiment, _ = plan("beta_vae", "dsprites_reduced", {"test_share": 0.0, "latent_dim": 4})
    model = Model(experiment.build(), experiment)
    mean, variance = encode_posteriors(model.vae, data, index=np.arange(len(data)), device=torch.device("cpu"))
    mean[:, 0] = data.factors[:, 3] - 4.5  # a latent that is x, and one that knows nothing
    variance[:, 0], mean[:, 1], variance[:, 1] = 0.01, 0.0, 1.0
    return model, data, measure("VAE_dsprites", model, data, mean, variance)


def test_losses_of_the_first_images_are_those_of_the_model(scored):
    model, data, row = scored
    x = torch.from_numpy(data.images.floats(np.arange(1_000)))
    with torch.no_grad():
        q = model.vae.encode(x)
        nll = model.vae.likelihood.nll(model.vae.decode(q.mean), x)
    assert row["first_batch"]["kl"] == pytest.approx(float(q.kl(model.vae.prior).double().mean()), rel=1e-5)
    assert row["first_batch"]["nll"] == pytest.approx(float(nll.double().mean()), rel=1e-4)
    assert first_batch(model, data, "factor_dsprites") != first_batch(model, data, "VAE_dsprites")


def test_a_latent_that_is_a_factor_is_seen_without_the_scramble_and_hidden_by_it(scored):
    row = scored[2]
    assert set(row["faults"]) == set(released.FAULTS)
    assert all(len(own["aam"]) == released.REPEATS for own in row["faults"].values())
    assert row["faults"]["no fault"]["information"][0][3] == pytest.approx(np.log(10), abs=0.05)
    assert row["faults"]["at means"]["information"][0][3] == pytest.approx(np.log(10), abs=0.05)
    assert row["faults"]["scrambled"]["information"][0][3] == 0
    assert row["quadrature"]["shares"][0][3] == pytest.approx(1, abs=0.02)
    assert row["unadjusted"]["mmig"] == pytest.approx(np.mean(row["faults"]["no fault"]["mmig"]), abs=0.02)


def test_parts_show_what_the_ledger_has(scored, nothing, monkeypatch, tmp_path):
    parts = [ReleasedTable("weights"), FaultTable("faults"), FirstBatchTable("scale")]
    monkeypatch.setattr(released, "clone_ledger", lambda: tmp_path)
    for part in parts:
        (block,) = part.blocks(nothing)
        assert isinstance(block, Prose)
        assert "docs/source/dubois2019.py" in block.paragraphs[0]
    write_json(tmp_path / released.FILE, {"rows": [scored[2]]})
    tables = [block for part in parts for block in part.blocks(nothing)]
    assert all(isinstance(table, Table) and len(table.columns) == len(table.rows[0]) for table in tables)
    assert tables[0].rows[0][tables[0].columns.index("report: Var. Dim. KL × 738²")] == "8.170"  # 1.5e-5 in the report
    assert tables[0].rows[0][:3] == ["VAE", f"{scored[2]['quadrature']['aam']:.3f}", "0.20"]
    assert [row[1] for row in tables[1].rows] == ["AAM", "MMIG"]
    assert "5 runs of the evaluator on the same models give 1 different order, 5 of them this one" in tables[1].note


def test_table_1_of_the_report_does_not_add_up(nothing):
    (table,) = Arithmetic("sums").blocks(nothing)
    assert [row[-1] for row in table.rows] == ["no", "no", "yes", "no", "yes"]


def test_rankings_are_told():
    rows = [{"name": name, "quadrature": {"aam": value}} for name, value in (("VAE_dsprites", 0.2), ("betaH_dsprites", 0.4))]
    assert ranking(rows) == "By AAM the order is that of the report: β-VAE₁, β 4 > VAE."
    rows[1]["quadrature"]["aam"] = 0.1
    assert ranking(rows) == "By AAM the report has β-VAE₁, β 4 > VAE; measured it is VAE > β-VAE₁, β 4."


def test_a_model_that_knows_no_factor_does_not_focus_on_a_few(nothing):
    class Known:
        def __init__(self, known):
            self.known = known

        def values(self, arm, measure):
            return dict.fromkeys(range(6), self.known)

    (claim,) = [one for one in nothing.study.claims if "only focuses on a few" in one.text]
    outcomes = [claim.rule.decide(Known(known)).outcome for known in (0.0, 1.0, 3.0, 4.0)]
    assert outcomes == ["reversed", "confirmed", "confirmed", "reversed"]


def test_every_arm_is_a_model_with_these_options_and_every_part_shows_something(nothing):
    for arm in nothing.study.arms:
        assert recipe_of(arm.model, arm.options)
        assert arm.steps("cpu") == 6_250
    for part in nothing.study.parts:
        assert list(part.blocks(nothing))
