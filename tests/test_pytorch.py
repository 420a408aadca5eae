"""Our data sets in PyTorch's loaders, and encoders of others scored."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection

import unbraid
from helpers.tiny import TINY
from unbraid.errors import DataUnavailable, UnknownName, UsageError
from unbraid.metrics import dci, evaluate, mig
from unbraid.pytorch import ImageDataset, evaluate_encoder
from unbraid.torchmetrics import CodeMetric

COLORS = np.random.default_rng(0).random((40, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    return unbraid.load_dataset(TINY)


class TestLoader:
    @pytest.mark.parametrize("workers", [0, 1])
    def test_batches_are_images_and_factors_of_the_split(self, data, workers):
        loader = DataLoader(
            ImageDataset(data, "test", target="factors"), batch_size=7, num_workers=workers, generator=torch.Generator()
        )
        images, factors = (torch.cat(parts) for parts in zip(*loader, strict=True))
        assert (images.dtype, factors.dtype) == (torch.float32, torch.int64)
        np.testing.assert_array_equal(images, data.images.floats(data.test))
        np.testing.assert_array_equal(factors, data.factors[data.test])

    def test_an_epoch_in_any_order_has_every_training_image_once(self, data):
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(ImageDataset(data, "train", target="factors"), batch_size=16, shuffle=True, generator=order)
        seen = np.concatenate([factors.numpy() for _, factors in loader])
        assert not np.array_equal(seen, data.factors[data.train])
        assert sorted(map(tuple, seen)) == sorted(map(tuple, data.factors[data.train]))

    def test_items_without_a_target_and_targets_by_name(self, data):
        image = ImageDataset(data)[3]
        np.testing.assert_array_equal(image, data.images.floats(np.array([3]))[0])
        name = data.space.names[1]
        one = ImageDataset(TINY, target=name)
        assert one.names == (name,)
        assert one[-1][1] == data.factors[-1, 1]
        labeled = ImageDataset(unbraid.dataset(COLORS, labels=["a", "b"] * 20), "train", target="labels")
        assert {int(label) for _, label in labeled} == {0, 1}

    def test_what_it_gives_trains_here_too(self, data):
        again = unbraid.dataset(ImageDataset(data), test_share=0.0)
        np.testing.assert_array_equal(again.images.bytes(np.arange(9)), data.images.bytes(np.arange(9)))

    def test_refuses_in_words(self, data):
        with pytest.raises(UsageError, match="allowed: train, test, all"):
            ImageDataset(data, "validation")
        with pytest.raises(UnknownName, match="Did you mean 'factors'"):
            ImageDataset(data, target="factor")
        with pytest.raises(UnknownName, match="target 'labels' of data set"):
            ImageDataset(data, target="labels")
        with pytest.raises(UsageError, match="test_share above 0"):
            ImageDataset(COLORS, "test", test_share=0.0)


class Flat(nn.Module):
    """Means and log-variances, with what evaluation must switch off, and with `view`, which the layout may break."""

    def __init__(self, shape, latents, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            self.layers = nn.Sequential(nn.Dropout(0.5), nn.Linear(int(np.prod(shape)), 2 * latents))
        drawn = torch.randn(2 * latents, int(np.prod(shape)), generator=torch.Generator().manual_seed(seed))
        self.layers[1].weight.data = drawn / 50

    def forward(self, images):
        return self.layers(images.view(len(images), -1)).chunk(2, dim=1)


class TestOwnEncoder:
    def test_scores_are_those_of_its_codes(self, data):
        encoder = Flat(data.shape, 3)
        found = evaluate_encoder(encoder, data, ["mig", "dci"], device="cpu")
        assert encoder.training
        assert encoder.layers[0].training
        images = torch.from_numpy(data.images.floats(np.arange(len(data))))
        with torch.no_grad():
            mean, logvar = (part.double().numpy() for part in encoder.eval()(images))
        expected = evaluate(mean, data.factors, variance=np.exp(logvar), metrics=["mig", "dci"], intervals=0)
        assert found["mig"]["score"] == pytest.approx(expected["mig"]["score"], abs=1e-6)
        assert found["dci"]["completeness"]["score"] == pytest.approx(expected["dci"]["completeness"]["score"], abs=1e-3)
        assert found["mig"]["ceiling"] > 0.5

    def test_factors_that_are_all_continuous_are_scored_and_angles_are_cyclic(self):
        """By cosine and sine both ends of an angle are one place; as a number, cut open, it has less than 0.8."""
        scenes = unbraid.load_dataset("ellipses", continuous="all", images=200)
        turn = torch.from_numpy(2 * scenes.factors[:, scenes.space.names.index("orientation")])  # over half a turn
        seen = iter(torch.stack([turn.cos(), turn.sin()], 1).split(200))
        found = evaluate_encoder(lambda images: next(seen), scenes, ["mcc"], device="cpu")
        assert found["mcc"]["per_factor"]["orientation"] == pytest.approx(1)

    @pytest.mark.parametrize(
        ("spread", "of_variance"),
        [("variance", lambda v: v), ("std", torch.sqrt), ("logvar", torch.log), ("log_std", lambda v: v.log() / 2)],
    )
    def test_the_second_of_a_pair_is_what_spread_says(self, data, spread, of_variance):
        def encoder(images):
            mean = images.flatten(1)[:, 300:303]
            return mean, of_variance(0.01 + mean**2)

        def distribution(images):
            mean = images.flatten(1)[:, 300:303]
            return torch.distributions.Normal(mean, (0.01 + mean**2).sqrt())

        found = evaluate_encoder(encoder, data, ["mig"], spread=spread, device="cpu")
        same = evaluate_encoder(distribution, data, ["mig"], device="cpu")
        assert found["mig"]["score"] == pytest.approx(same["mig"]["score"], abs=1e-5)

    @pytest.mark.parametrize(
        ("encoder", "words"),
        [
            (lambda x: x, "have shape"),
            (lambda x: x.flatten(1)[:-1, :3], "one row per image"),
            (lambda x: (x.flatten(1),) * 3, "gives 3 things"),
            (lambda x: (x.flatten(1)[:, :3], x.flatten(1)[:, :2]), "one row per image"),
            (lambda x: x.numpy(), "are a ndarray"),
            (lambda x: x.flatten(1)[:, :3].to(torch.complex64), "are complex numbers; give real ones"),
            (lambda x: x.flatten(1)[:, :3] / 0 - x.flatten(1)[:, :3] / 0, "(?i)nan|finite"),
        ],
        ids=["images", "rows", "three", "widths", "array", "complex", "nan"],
    )
    def test_refuses_what_is_no_code(self, data, encoder, words):
        with pytest.raises(UsageError, match=words):
            evaluate_encoder(encoder, data, ["mig"], device="cpu")

    def test_refuses_data_without_factors_and_unknown_metrics_before_it_encodes(self, data):
        with pytest.raises(UsageError, match="has no factors"):
            evaluate_encoder(lambda x: 1 / 0, COLORS)
        with pytest.raises(UsageError, match="Did you mean 'mig'"):
            evaluate_encoder(lambda x: 1 / 0, data, ["migg"])
        with pytest.raises(UsageError, match="allowed: logvar"):
            evaluate_encoder(lambda x: 1 / 0, data, spread="width")
        with pytest.raises(UsageError, match="limit is 0; allowed: at least 2 images"):
            evaluate_encoder(lambda x: 1 / 0, data, limit=0)


class TestTorchmetrics:
    factors = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (300, 2)))
    codes = torch.cat([factors.float(), torch.zeros(300, 1)], 1)

    def noisy(self):
        return self.codes + 0.3 * torch.randn(self.codes.shape, generator=torch.Generator().manual_seed(0))

    def test_a_collection_scores_batches_as_a_whole(self):
        codes = self.noisy()
        found = MetricCollection(
            {
                "mig": CodeMetric("mig"),
                "other": CodeMetric("mig", {"definition": "locatello2019"}),
                "completeness": CodeMetric("dci.completeness"),
            }
        )
        for batch in torch.arange(300).split(70):
            found.update(codes[batch], self.factors[batch])
        values = found.compute()
        assert values["mig"].item() == pytest.approx(mig(codes.numpy(), self.factors.numpy())["score"])
        assert values["other"].item() == pytest.approx(
            mig(codes.numpy(), self.factors.numpy(), definition="locatello2019")["score"]
        )
        assert values["completeness"].item() == pytest.approx(dci(codes.numpy(), self.factors.numpy())["completeness"]["score"])
        assert len(found.compute_groups) == 1  # which keep the codes once
        found.reset()
        with pytest.warns(UserWarning, match="before the ``update``"), pytest.raises(UsageError, match="call update"):
            found["mig"].compute()

    def test_processes_are_put_together(self):
        codes = self.noisy()
        parts = [slice(0, 150), slice(150, 300)]
        one = CodeMetric("mig", distributed_available_fn=lambda: True, sync_on_compute=True)
        one.dist_sync_fn = lambda tensor, group=None: [tensor, (codes if tensor.shape[1] == 3 else self.factors)[parts[1]]]
        one.update(codes[parts[0]], self.factors[parts[0]])
        assert one.compute().item() == pytest.approx(mig(codes.numpy(), self.factors.numpy())["score"])

    def test_a_single_factor_in_one_axis_and_refusals(self):
        metric = CodeMetric("mig")
        metric.update(self.codes, self.factors[:, 0])
        assert metric.compute().item() > 0.9
        with pytest.raises(UsageError, match="allowed: "):
            metric.update(self.codes, self.factors[:-1])
        with pytest.raises(UsageError, match="The codes are a ndarray; give a tensor of real numbers"):
            metric.update(self.codes.numpy(), self.factors)
        with pytest.raises(UsageError, match="The factors are a tensor of torch.complex64"):
            metric.update(self.codes, self.factors.to(torch.complex64))
        with pytest.raises(UsageError, match="3 latents and 2 factors, and the ones before it 3 and 1; call reset"):
            metric.update(self.codes, self.factors)
        with pytest.raises(UnknownName, match="Did you mean 'mig'"):
            CodeMetric("migg")


def test_without_torchmetrics_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'unbraid\[torchmetrics\]'"):
        runpy.run_path(str(Path(unbraid.__file__).parent / "torchmetrics.py"))


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "pytorch.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    with torch.random.fork_rng():
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            exec(block, names)
    assert set(names["table"]) == {"mig", "modularity"}
    assert 0 <= names["values"]["mig"] <= 1
