"""What every registered thing promises; anything new is held to it without a line written here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Annotated

import numpy as np
import pytest
import torch

import unbraid
from helpers.tiny import TINY
from unbraid.cli import sweep
from unbraid.config.experiment import Experiment
from unbraid.config.parts import RESERVED, every_option, part_options
from unbraid.config.plan import plan
from unbraid.config.settings import Settings
from unbraid.data.dataset import load_dataset
from unbraid.distributions.protocols import FollowingPrior, Posterior, Prior
from unbraid.distributions.registry import posteriors, priors
from unbraid.errors import IncompatibleParts, UnbraidError, UsageError
from unbraid.metrics.registry import metrics
from unbraid.objectives.moves import Objective
from unbraid.options import Option
from unbraid.randomness import seeded_construction
from unbraid.registries import REGISTRIES
from unbraid.terms import Context, Draw
from unbraid.training.checkpoint import list_checkpoints
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import evaluate_step, train_step
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import Recipe
from unbraid.zoo.registry import BUDGETS, budgeted, models, tuned

SHAPES = [(channels, size, size) for size in (28, 32, 64) for channels in (1, 3)]
FAST = {"steps": 6, "batch_size": 16, "checkpoint_every": 2, "log_every": 2}


def every(plural: str):
    entries = list(REGISTRIES[plural])
    return pytest.mark.parametrize("entry", entries, ids=[entry.name for entry in entries])


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)
def test_everything_says_what_it_is_and_takes_its_own_defaults(registry):
    assert registry.names() == sorted(registry.names())
    for entry in registry:
        assert entry.summary.endswith("."), f"{entry.name}: the first line of its docstring is a sentence"
        assert entry.source
        assert entry.name == entry.name.lower()
        assert entry.resolve({}) == {name: spec.default for name, spec in entry.options.items()}


@every("models")
class TestModels:
    def context(self, step: int = 3) -> Context:
        return Context(step, 10, 192, torch.Generator().manual_seed(0))

    def parts(self, entry):
        recipe = entry.factory()
        vae = assemble(recipe, (1, 32, 32), 4, seed=0)
        data = load_dataset(TINY)
        batches = recipe.objective.draws.indices(data, 16, 0, 0)
        return recipe, vae, Draw(tuple(torch.from_numpy(data.images.floats(index)) for index in batches))

    def test_is_documented_in_full(self, entry):
        assert entry.details["formula"]
        for row in entry.details.get("published", ()):
            assert row.source
            known = {*entry.options, *(f.name for f in Settings.__dataclass_fields__.values())}
            assert set(row.values) <= known, f"published values name options of the model: {row.values}"
        for data, values in entry.details.get("tuned", {}).items():
            assert plan(entry.name, data, {})[0].steps == values.get("steps", entry.factory().steps)

    def test_players_partition_the_parameters(self, entry):
        recipe, vae, _ = self.parts(entry)
        assert isinstance(recipe.objective, Objective)
        owned = [id(p) for player in vae.players for p in vae.parameters_of(player)]
        assert sorted(owned) == sorted(id(p) for p in vae.parameters() if p.requires_grad)

    def test_a_step_moves_every_player_and_evaluation_nobody(self, entry):
        recipe, vae, draw = self.parts(entry)
        before = {name: value.clone() for name, value in vae.state_dict().items()}
        evaluate_step(vae, recipe.objective, draw, self.context())
        assert all(torch.equal(before[name], value) for name, value in vae.state_dict().items())
        train_step(vae, recipe.objective, make_optimizers(vae, recipe), draw, self.context())
        for player in vae.players:
            names = {f"networks.{network}" for network in vae.players[player]}
            learns = [k for k in before if k.rsplit(".", 1)[0].startswith(tuple(names)) and vae.parameters_of(player)]
            assert not learns or any(not torch.equal(before[k], vae.state_dict()[k]) for k in learns), f"{player} stands still"

    def test_no_network_is_asked_the_same_twice(self, entry):
        """Within a step no row goes through a network in one pass and in a later one, unless the network has learned since."""
        recipe, vae, draw = self.parts(entry)
        seen: dict[str, set[tuple[float, bytes]]] = {name: set() for name in vae.networks}

        def note(name: str, network: torch.nn.Module, given: torch.Tensor) -> None:
            weights = sum(parameter.detach().double().square().sum().item() for parameter in network.parameters())
            rows = {(weights, row.numpy().tobytes()) for row in given.detach()}
            assert not rows & seen[name], name
            seen[name] |= rows

        for name, network in vae.networks.items():
            network.register_forward_pre_hook(lambda network, given, name=name: note(name, network, given[0]))
        train_step(vae, recipe.objective, make_optimizers(vae, recipe), draw, self.context(9))
        assert seen["encoder"]
        assert seen["decoder"]

    def test_same_seed_same_values_and_finite_at_extremes(self, entry):
        recipe, vae, draw = self.parts(entry)
        shown = [evaluate_step(vae, recipe.objective, draw, self.context()) for _ in range(2)]
        first, second = ([{k: v.tolist() for k, v in o.values.items()} for o in outcomes] for outcomes in shown)
        assert first == second
        for level in (0.0, 1.0):
            extreme = Draw(tuple(torch.full_like(batch, level) for batch in draw.batches))
            with torch.no_grad():
                for parameter in vae.networks["encoder"].parameters():
                    parameter.mul_(3)
            for outcome in evaluate_step(vae, recipe.objective, extreme, self.context()):
                assert all(torch.isfinite(value).all() for value in outcome.values.values())

    def test_configuration_round_trip(self, entry):
        experiment, _ = plan(entry.name, TINY, FAST)
        assert Experiment.from_dict(experiment.to_dict()) == experiment
        assert experiment.recipe().objective == entry.factory(**experiment.model_options).objective

    def test_two_halves_are_one_whole(self, entry, tmp_path):
        from helpers.resuming import StopAt

        unbraid.train(entry.name, TINY, out=tmp_path / "whole", device="cpu", **FAST)
        with pytest.raises(KeyboardInterrupt):
            unbraid.train(entry.name, TINY, out=tmp_path / "parts", device="cpu", monitor=StopAt(2), **FAST)
        unbraid.train(entry.name, TINY, out=tmp_path / "parts", device="cpu", **FAST)
        ends = [list_checkpoints(tmp_path / name / "checkpoints")[-1] for name in ("whole", "parts")]
        for name in ("model.safetensors", "training.safetensors"):
            assert (ends[0] / name).read_bytes() == (ends[1] / name).read_bytes()


def network_for(entry, shape):
    """An encoder or a decoder in evaluation mode, or None where it refuses the shape in words."""
    try:
        with seeded_construction(0):
            network = entry.factory(shape, 14) if entry.kind == "encoder" else entry.factory(7, shape)
    except IncompatibleParts as refusal:
        assert f"{shape[1]} x {shape[2]}" in str(refusal)
        assert f"--{entry.kind}" in str(refusal)
        return None
    return network.eval()


def assert_same_in_any_layout_and_batch(network, batch):
    """Memory layout changes nothing, and neither does the company an example is in."""
    together = network(batch)
    torch.testing.assert_close(torch.cat([network(one[None]) for one in batch]), together, atol=1e-5, rtol=1e-4)
    placed = network.to(memory_format=torch.channels_last)
    laid_out = batch.to(memory_format=torch.channels_last) if batch.dim() == 4 else batch
    torch.testing.assert_close(placed(laid_out), together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestNetworks:
    @every("encoders")
    def test_encoders_see_every_pixel_or_refuse_in_words(self, entry, shape, generator):
        network = network_for(entry, shape)
        if network is None:
            return
        images = torch.rand(8, *shape, generator=generator, requires_grad=True)
        params = network(images)
        assert params.shape == (8, 14)
        assert (params.detach().std(0) > 0).all()  # each number depends on the image
        params.square().sum().backward()
        assert (images.grad.abs().sum(0) > 0).all()  # and each pixel counts
        assert all(parameter.grad.any() for parameter in network.parameters())
        with torch.no_grad():
            assert_same_in_any_layout_and_batch(network, images.detach()[:3])

    @every("decoders")
    def test_decoders_draw_every_pixel_or_refuse_in_words(self, entry, shape, generator):
        network = network_for(entry, shape)
        if network is None:
            return
        z = torch.randn(8, 7, generator=generator, requires_grad=True)
        images = network(z)
        assert images.shape == (8, *shape)
        assert (images.detach().std(0) > 0).all()  # each pixel depends on the latents
        images.square().sum().backward()
        assert (z.grad.abs().sum(0) > 0).all()  # and each latent counts
        assert all(parameter.grad.any() for parameter in network.parameters())
        with torch.no_grad():
            assert_same_in_any_layout_and_batch(network, z.detach()[:3])


@every("encoders")
def test_odd_sizes_are_taken_or_refused_in_words_by_encoders(entry):
    for shape in ((1, 32, 64), (2, 50, 41), (1, 100, 100)):
        network = network_for(entry, shape)
        assert network is None or network(torch.zeros(2, *shape)).shape == (2, 14)


@every("decoders")
def test_odd_sizes_are_taken_or_refused_in_words_by_decoders(entry):
    for shape in ((1, 32, 64), (2, 50, 41), (1, 100, 100)):
        network = network_for(entry, shape)
        assert network is None or network(torch.zeros(2, 7)).shape == (2, *shape)


@every("posteriors")
def test_posteriors(entry):
    head = entry.factory(3)
    params = torch.linspace(-1, 1, 5 * head.n_params, dtype=torch.float64).reshape(5, -1)
    q = head(params)
    joined = q.cat([q, q])
    assert torch.equal(joined.mean, torch.cat([q.mean, q.mean]))
    assert isinstance(q, Posterior)
    draws = torch.stack([q.sample(torch.Generator().manual_seed(seed)) for seed in range(4000)])
    assert ((draws.mean(0) - q.mean).abs() <= 5 * (q.variance / 4000).sqrt() + 1e-12).all()
    assert ((draws.var(0) - q.variance).abs() <= 5 * (2 / 4000) ** 0.5 * q.variance + 1e-12).all()
    for prior in priors:
        p = prior.factory(3)
        try:
            if isinstance(p, FollowingPrior):
                p.follow(head)
            kl = q.kl(p)
        except UnbraidError:
            continue
        # KL = E_q[log q - log p], by Monte Carlo
        log_ratio = torch.stack([q.log_prob(z) - p.log_prob(z) for z in draws])
        assert ((log_ratio.mean(0) - kl).abs() <= 5 * log_ratio.std(0) / 4000**0.5 + 1e-9).all()
        per_dim = q.kl_per_dim(p)
        assert per_dim is None or torch.allclose(per_dim.sum(1), kl)


@every("priors")
def test_priors(entry):
    prior = entry.factory(2)
    assert isinstance(prior, Prior)
    if isinstance(prior, FollowingPrior):
        prior.follow(posteriors["quantized"].factory(2))
    z = prior.sample(100, torch.Generator().manual_seed(0))
    assert z.shape == (100, 2)
    assert torch.isfinite(prior.log_prob(z)).all()


@every("metrics")
class TestMetrics:
    names = ("a", "b")

    def codes_and_factors(self):
        rng = np.random.default_rng(0)
        factors = rng.integers(0, 5, size=(3000, 2))
        return rng.normal(size=(3000, 4)) * 0.3 + factors @ rng.normal(size=(2, 4)), factors

    def test_scores_lie_in_the_documented_range_and_name_the_factors(self, entry):
        codes, factors = self.codes_and_factors()
        scores = entry.factory(codes, factors, factor_names=self.names)
        assert set(scores.get("per_factor", self.names)) == set(self.names)
        low, high = entry.details["range"]
        assert all(low <= value <= high for value in (scores["score"], *scores.get("per_factor", {}).values()))

    def test_it_says_how_to_read_it_and_names_definitions_that_exist(self, entry):
        assert all(entry.details[fact] for fact in ("formula", "chance", "perfect", "blind"))
        variants = entry.details["variants"]
        assert variants[0].name == "default"
        assert len({variant.name for variant in variants}) == len(variants)
        for variant in variants:
            assert variant.comparable
            assert variant.options.items() <= entry.resolve(variant.options).items()

    def test_the_order_of_samples_and_latents_does_not_matter(self, entry):
        codes, factors = self.codes_and_factors()
        rng = np.random.default_rng(1)
        rows, columns = rng.permutation(3000), rng.permutation(4)
        expected = entry.factory(codes, factors)["score"]
        tolerance = 0.05 if entry.details.get("sampled") else 1e-9  # seeded draws of rows depend on their order
        assert entry.factory(codes[rows][:, columns], factors[rows])["score"] == pytest.approx(expected, abs=tolerance)
        assert entry.factory(codes, factors)["score"] == expected

    def test_a_perfect_code_scores_highest_and_constants_do_no_harm(self, entry):
        _, factors = self.codes_and_factors()
        _, high = entry.details["range"]
        assert entry.factory(factors.astype(float), factors)["score"] == pytest.approx(high, abs=0.02)
        padded = np.hstack([factors.astype(float), np.zeros((3000, 3))])
        assert entry.factory(padded, factors)["score"] == pytest.approx(high, abs=0.02)
        assert np.isfinite(entry.factory(np.zeros((3000, 3)), factors)["score"])

    def test_it_changes_nothing_it_is_given(self, entry):
        codes, factors = self.codes_and_factors()
        before = codes.copy(), factors.copy()
        entry.factory(codes, factors)
        np.testing.assert_array_equal(codes, before[0])
        np.testing.assert_array_equal(factors, before[1])


BAD_ARRAYS = """
import numpy as np
from unbraid.errors import UnbraidError
from unbraid.metrics.registry import metrics

codes, factors = np.random.default_rng(0).normal(size=(300, 4)), np.arange(600).reshape(300, 2) % 5
spoilt = codes.copy()
spoilt[17, 2] = np.nan
for entry in metrics:
    for bad, says in ((spoilt, "[17, 2]"), (codes.T, "transposed"), (codes[:10], "10 rows"), (codes[:0], "shape")):
        try:
            entry.factory(bad, factors)
        except UnbraidError as refusal:
            assert says in str(refusal), (entry.name, says, str(refusal))
        else:
            raise AssertionError(f"{entry.name} takes codes of shape {bad.shape}")
    try:
        entry.factory(codes, factors / 2)
    except UnbraidError as refusal:
        assert "whole numbers" in str(refusal)
print("refused")
"""


def test_bad_arrays_are_refused_in_words_by_every_metric():
    """In a process of its own: here the tests' check of shapes would refuse them first."""
    shown = subprocess.run([sys.executable, "-c", BAD_ARRAYS], capture_output=True, text=True, check=False)
    assert shown.stdout == "refused\n", shown.stderr


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """An empty cache, but for noise that stands in for the Olivetti faces."""
    from unbraid.data.sets import olivetti

    folder = tmp_path_factory.mktemp("cache")
    faces = np.random.default_rng(0).integers(0, 256, (400, 64, 64), dtype=np.uint8)
    (folder / "olivetti").mkdir()
    np.savez(folder / "olivetti" / olivetti.NAMES[1], images=faces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(olivetti, "PIXELS", hashlib.sha256(faces.tobytes()).hexdigest())
        yield folder


READY = [entry for entry in REGISTRIES["datasets"] if not entry.options.keys() & {"path", "name"}]
"""All but those that hold what a user gives them."""


@pytest.mark.parametrize("entry", READY, ids=[entry.name for entry in READY])
def test_data_sets(entry, cache, monkeypatch):
    monkeypatch.setenv("UNBRAID_CACHE", str(cache))
    data = load_dataset(entry.name)
    some = np.array([0, len(data) // 3, len(data) - 1])
    floats, raw = data.images.floats(some), data.images.bytes(some)
    assert floats.shape == raw.shape == (3, *data.shape)
    assert (floats.dtype, raw.dtype) == (np.float32, np.uint8)
    np.testing.assert_allclose(floats, raw.astype(np.float32) / 255, atol=1e-6)
    assert floats.max() > 0.5  # white is 1, not 1 / 255
    train, test = data.split("train"), data.split("test")
    assert len(np.union1d(train, test)) == len(data) == len(train) + len(test)
    assert len(test)
    if data.space is not None and len(data) == len(data.space):  # a full grid is numbered by its factors
        np.testing.assert_array_equal(data.factors[some], data.space.at(some))
        np.testing.assert_array_equal(data.space.index(data.factors[some].astype(np.int64)), some)
    again = load_dataset(entry.name)
    np.testing.assert_array_equal(again.images.bytes(some), raw)
    np.testing.assert_array_equal(again.test, data.test)


def test_what_is_tuned_are_options_of_the_pair():
    for entry in models:
        for data in entry.details.get("tuned", {}):
            experiment, _ = plan(entry.name, data, {})
            for name, value in tuned(entry.name, data).items():
                assert experiment.model_options.get(name, getattr(experiment, name, None)) == value
            other, _ = plan(entry.name, data, {**tuned(entry.name, data), "steps": 7, "lr": 0.5})
            assert (other.steps, other.lr) == (7, 0.5)
            assert plan(entry.name, data, {"epochs": 1.0})[0].steps == experiment.n_train // experiment.batch_size
    assert metrics.names()
    assert posteriors.names()


def test_settings_of_a_budget_are_options_of_the_pair():
    found = 0
    for entry in models:
        for data, lengths in entry.details.get("budgets", {}).items():
            assert set(lengths) <= set(BUDGETS)
            for length in lengths:
                measured = budgeted(entry.name, data, length)
                experiment, _ = plan(entry.name, data, measured)
                for name, value in measured.items():
                    assert experiment.model_options.get(name, getattr(experiment, name, None)) == value
                assert "steps" in measured
                assert "steps" not in budgeted(entry.name, data, length, {"epochs": 1})
                found += 1
    assert found


def test_what_is_given_beside_a_budget_replaces_its_own_setting_and_no_other():
    full = budgeted("beta_vae", "ellipses", "5m")
    assert full == {"beta_start": 20.0, "beta_warmup": 0.9, "lr": 2e-3, "steps": 7_500}
    assert budgeted("beta_vae", "ellipses", "5m", {"beta": 2, "lr": 0.1}) == {
        "beta_start": 10.0,
        "beta_warmup": 0.9,
        "steps": 7_500,
    }
    with pytest.raises(
        UsageError, match=r"no measured settings of vae on mnist for --budget 1h. There are some of beta_vae on "
    ):
        budgeted("vae", "mnist", "1h")


def test_what_is_given_replaces_its_own_default_and_no_other():
    plain = plan("beta_vae", "ellipses", {})[0]
    assert plain.model_options == {"beta": 4.0, "beta_start": 20.0, "beta_warmup": 0.9, "normalized": False}
    assert plan("beta_vae", "ellipses", {"beta_warmup": 0.2})[0].model_options == {**plain.model_options, "beta_warmup": 0.2}
    assert plan("beta_vae", "ellipses", {"optimizer": "sgd"})[0].lr == plain.lr
    for beta in (0.0, 1.0, 20.0):  # the way to beta has one shape, whatever beta is
        options = plan("beta_vae", "ellipses", {"beta": beta})[0].model_options
        assert options == {**plain.model_options, "beta": beta, "beta_start": 5 * beta}


def test_no_part_has_an_option_that_a_sweep_calls_by_the_same_name():
    own = {argument.flag for argument in (*sweep._WHICH, *sweep._OWN)}
    assert own.isdisjoint({*every_option()} - RESERVED)


def test_options_whose_name_is_taken_carry_their_part(monkeypatch):
    @models.register("clashing", source="the tests", formula="-")
    def clashing(
        sigma: Annotated[float, Option("a sigma of its own")] = 1.0, device: Annotated[str, Option("no device")] = "x"
    ) -> Recipe:
        """A model whose options have names that others have."""
        return models["vae"].factory()

    try:
        names = {"model": "clashing", "data": TINY, "encoder": "burgess", "decoder": "burgess", "likelihood": "gaussian"}
        flat = part_options(names)
        assert {"sigma", "model_device", "likelihood_sigma"} <= set(flat)
        chosen = {"likelihood": "gaussian", "sigma": 2.0, "likelihood_sigma": 0.5, "batch_size": 16}
        experiment = plan("clashing", TINY, chosen)[0]
        assert (experiment.model_options["sigma"], experiment.likelihood_options["sigma"]) == (2.0, 0.5)
    finally:
        del models._entries["clashing"]
