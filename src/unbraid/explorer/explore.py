"""Runs as the content of an explorer page."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from unbraid.data.dataset import Dataset
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.explorer.blobs import floats, sprite
from unbraid.explorer.compact import Networks
from unbraid.explorer.content import Content, DecoderPart, EncoderPart, FactorPart, ImagesPart, ModelPart, Moment, PageData
from unbraid.explorer.measured import DRAWS, Sample, as_classes, cloud_rows, measure, order, take_sample
from unbraid.explorer.onnx_files import TRIED, Decoder, Encoder, Preview
from unbraid.explorer.reweight import Exporter
from unbraid.explorer.times import every_time
from unbraid.model import Model
from unbraid.nn.decoders.spatial_broadcast import SpatialBroadcast
from unbraid.randomness import torch_generator
from unbraid.reporting.command import command_line
from unbraid.reporting.groups import grid_of, run_labels
from unbraid.reporting.view import RunView, need_same_data

IMAGES = 40
"""Images of the data on the page."""
COLUMNS = 10
COMPARED = 64
"""Images and prior draws on which networks of a page are compared with those of the run."""
PREVIEW = 16
"""Pixels of the shorter side of what a broadcast decoder draws while a hand moves."""


def explorer_page(views: Sequence[RunView], times: int = 1, *, encoders: bool = True) -> Content:
    """The content of a page that shows runs, each at several times of its training.

    Args:
        times: how many of each at most.
        encoders: whether the page carries encoders, which images that are drawn or opened there need.

    Raises `UsageError` for runs on different data, and what `onnx_files` raises.
    """
    need_same_data(views)
    newest = [view.model for view in views]
    dataset = views[0].dataset
    sample = take_sample(dataset, IMAGES)
    pixels = sample.pixels
    networks, exporter = Networks(), Exporter()
    experiments = [model.experiment for model in newest]
    shown = [
        _model(name, own, every_time(model, times), sample, pixels, exporter, networks, f"model{i}", encoders)
        for i, (model, name, own) in enumerate(zip(newest, run_labels(experiments), grid_of(experiments), strict=True))
    ]
    experiment = newest[0].experiment
    kinds = list(dict.fromkeys(model.experiment.model for model in newest))
    described = PageData(
        data=experiment.data_name,
        shape=newest[0].image_shape,
        factors=[
            FactorPart(factor.name, size)
            for factor, size in zip(
                dataset.space.factors if dataset.space is not None else (), as_classes(dataset, sample.rows)[1], strict=True
            )
        ],
        cloud=_factors(dataset, sample.rows[cloud_rows(len(sample.rows))]),
        images=_images(sample),
        models=shown,
        networks=networks.described,
    )
    return Content(f"{', '.join(kinds)} on {experiment.data_name}", described, networks.files)


def _model(
    name: str,
    settings: dict[str, float],
    models: Sequence[Model],
    sample: Sample,
    pixels: np.ndarray,
    exporter: Exporter,
    networks: Networks,
    stem: str,
    encoders: bool,
) -> ModelPart:
    newest = models[-1]
    encoder = Encoder(newest)
    images = pixels[:: max(1, len(pixels) // COMPARED)][:COMPARED]
    if encoders:
        example = np.random.default_rng(0).random((max(TRIED), *newest.image_shape), dtype=np.float32)
        networks.add(
            {f"{stem}-encoder": exporter.file("encoder.onnx", encoder, "images", example)},
            "images",
            np.concatenate([images, example]),
        )
    decoders, previews = _decoders(models, exporter, networks, stem, images)
    moments = [
        _moment(model, sample, pixels, decoder, preview)
        for model, decoder, preview in zip(models, decoders, previews, strict=True)
    ]
    last = moments[-1]
    moments = [
        msgspec.structs.replace(one, draws=None) if one is not last and one.draws == last.draws else one for one in moments
    ]
    return ModelPart(
        name=name,
        settings=settings,
        command=command_line(newest.experiment),
        steps=max(newest.experiment.steps, newest.step),
        latents=newest.latent_dim,
        order=order(moments[-1].latents),
        decoder=DecoderPart(input="codes", output="images", batch=None),
        encoder=EncoderPart(
            file=f"{stem}-encoder",
            input="images",
            mean="mean",
            spread="variance" if "variance" in encoder.outputs else None,
            kind="variance",
            batch=None,
        )
        if encoders
        else None,
        normal=_is_normal(newest),
        moments=moments,
    )


def _moment(model: Model, sample: Sample, pixels: np.ndarray, decoder: str, preview: str | None) -> Moment:
    books = model.codebooks
    drawn = model.vae.prior.sample(DRAWS, torch_generator(0, "explorer"))
    found = measure(model, sample, pixels)
    return Moment(
        step=model.step,
        decoder=decoder,
        preview=preview,
        latents=found.latents,
        shares=found.shares,
        codebooks=None if books is None else [[float(value) for value in book] for book in books],
        draws=floats(drawn.cpu().numpy()),
        positions=found.positions,
        posteriors=found.posteriors,
        cloud=found.cloud,
    )


def _decoders(
    models: Sequence[Model], exporter: Exporter, networks: Networks, stem: str, images: np.ndarray
) -> tuple[list[str], list[str | None]]:
    """Adds the decoder of each time, and the smaller one where there is one; gives their names."""
    newest = models[-1]
    codes = np.random.default_rng(0).normal(size=(max(TRIED), newest.latent_dim)).astype(np.float32)
    drawn = newest.vae.prior.sample(COMPARED, torch_generator(0, "explorer")).cpu().numpy()
    compared = np.concatenate([newest.encode(images, scaled=True), drawn]).astype(np.float32)
    names = [f"{stem}-step{model.step}" for model in models]
    networks.add(
        {
            name: exporter.file("decoder.onnx", Decoder(model), "codes", codes)
            for name, model in zip(names, models, strict=True)
        },
        "codes",
        compared,
    )
    if not _draws_any_size(newest):
        return names, [None] * len(names)
    _, height, width = newest.image_shape
    times = PREVIEW / min(height, width)
    size = (round(times * height), round(times * width))
    previews = {
        f"{name}-preview": exporter.file("preview.onnx", Preview(model, size), "codes", codes)
        for name, model in zip(names, models, strict=True)
    }
    networks.add(previews, "codes", compared)
    return names, list(previews)


def _draws_any_size(model: Model) -> bool:
    _, height, width = model.image_shape
    return isinstance(model.vae.networks["decoder"], SpatialBroadcast) and min(height, width) > PREVIEW


def _is_normal(model: Model) -> bool:
    """Whether the KL of an image is that of independent normal distributions, which a browser can compute."""
    return isinstance(model.vae.prior, StandardNormal) and isinstance(model.vae.networks["posterior"], DiagonalNormalHead)


def _images(sample: Sample) -> ImagesPart | None:
    if len(sample.shown) == 0:
        return None
    dataset = sample.dataset
    labels = dataset.labels
    return ImagesPart(
        sprite=sprite(dataset.images.bytes(sample.shown), COLUMNS),
        columns=COLUMNS,
        names=[
            f"image {i:,}" + (f", {dataset.label_names[labels[i]]}" if labels is not None and dataset.label_names else "")
            for i in sample.shown.tolist()
        ],
        factors=_factors(dataset, sample.shown),
    )


def _factors(dataset: Dataset, rows: np.ndarray) -> list[list[int]]:
    codes: list[list[int]] = as_classes(dataset, rows)[0].tolist()
    return codes
