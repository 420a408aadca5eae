"""What TensorBoard shows beside the numbers of the log.

That is the configuration of a run and, for checkpoints, images and histograms of weights and KL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from unbraid.data.dataset import Dataset
from unbraid.data.examples import example_images
from unbraid.figures.grids import Pixels, gap_of, png, strip, to_bytes
from unbraid.nn.modes import evaluation_mode
from unbraid.nn.vae import VAE

IMAGES, COLUMNS, ROWS, SPAN = 8, 7, 12, 2.0
"""Images that are reconstructed; steps of a traversal, latents that have one, and its ends, in units of the prior."""
BINS = 50


def configuration(options: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Summaries of what a run was asked for: a table under Text, and a row under HParams.

    Args:
        options: by flat name, as the command line has them.
        name: of the run, by which HParams lists it.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
    from tensorboard.compat.proto.tensor_pb2 import TensorProto  # type: ignore[attr-defined]
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto  # type: ignore[attr-defined]
    from tensorboard.compat.proto.types_pb2 import DT_STRING  # type: ignore[attr-defined]
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.text.metadata import create_summary_metadata

    rows = [("option", "value"), ("---", "---"), *((option, _escaped(value)) for option, value in options.items())]
    table = "\n".join(f"| {option} | {value} |" for option, value in rows)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[table.encode()], tensor_shape=shape)
    metadata = create_summary_metadata("configuration", "What the run was asked for, and defaults.")
    yield Summary.Value(tag="configuration", tensor=tensor, metadata=metadata)
    plain = {option: value if isinstance(value, bool | int | float | str) else str(value) for option, value in options.items()}
    yield from hparams_pb(plain, trial_id=name).value


def _escaped(value: Any) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", str(value))


def summaries(vae: VAE, dataset: Dataset, values: Mapping[str, Any], device: torch.device) -> Iterator[Any]:
    """Summaries of a model as it is now; it is left as it was, and nothing is drawn at random.

    `images/reconstructions` has images above their reconstructions; `images/traversals` one row per latent,
    in order, from -2 to 2
    about the code of the first of them. Neither where images may not be passed on.

    Args:
        values: the newest entry of the log, of which `kl_per_dim` is taken.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

    for player in vae.players:
        weights = [p.detach().flatten() for p in vae.parameters_of(player) if p.ndim > 1]
        if weights:
            yield Summary.Value(tag=f"weights/{player}", histo=_histogram(torch.cat(weights).float().cpu().numpy()))
    if isinstance(values.get("kl_per_dim"), list):
        yield Summary.Value(tag="latents/kl_per_dim", histo=_histogram(np.array(values["kl_per_dim"])))
    if dataset.redistributable:
        with evaluation_mode(vae):
            pictures = _pictures(vae, dataset, device)
        for name, pixels in pictures.items():
            height, width = pixels.shape[:2]
            colors = 1 if pixels.ndim == 2 else 3
            image = Summary.Image(height=height, width=width, colorspace=colors, encoded_image_string=png(pixels))
            yield Summary.Value(tag=f"images/{name}", image=image)


@torch.no_grad()
def _pictures(vae: VAE, dataset: Dataset, device: torch.device) -> dict[str, Pixels]:
    index = example_images(dataset, IMAGES)
    images = torch.from_numpy(dataset.images.floats(index)).to(device)
    codes = vae.encode(images).mean.float()
    d = min(ROWS, codes.shape[1])
    moved = codes[0].repeat(d * COLUMNS, 1)
    moved[torch.arange(d * COLUMNS), torch.arange(d).repeat_interleave(COLUMNS)] = torch.linspace(
        -SPAN, SPAN, COLUMNS, device=moved.device
    ).repeat(d)
    if vae.quantizer is not None:
        moved = vae.quantizer.nearest(moved)
    decoded = _decoded(vae, torch.cat([codes, moved]))
    steps = decoded[len(index) :].reshape(d, COLUMNS, *decoded.shape[1:])
    return {
        "reconstructions": _stacked([dataset.images.bytes(index), decoded[: len(index)]]),
        "traversals": _stacked(list(steps)),
    }


def _decoded(vae: VAE, codes: torch.Tensor) -> UInt8[np.ndarray, "n c h w"]:
    return to_bytes(vae.likelihood.mean(vae.decode(codes)).float().cpu().numpy())


def _stacked(rows: list[UInt8[np.ndarray, "n c h w"]]) -> Pixels:
    """Strips under each other."""
    strips = [strip(row) for row in rows]
    gap = np.full((gap_of(rows[0].shape[2]), *strips[0].shape[1:]), 255, dtype=np.uint8)
    return np.concatenate([part for one in strips for part in (one, gap)][:-1])


def _histogram(values: Float[np.ndarray, "n"]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import HistogramProto  # type: ignore[attr-defined]

    known = values[np.isfinite(values)].astype(np.float64)
    counts, edges = np.histogram(known, bins=BINS)
    return HistogramProto(
        min=float(known.min(initial=np.inf)),
        max=float(known.max(initial=-np.inf)),
        num=len(known),
        sum=float(known.sum()),
        sum_squares=float((known**2).sum()),
        bucket_limit=edges[1:].tolist(),
        bucket=counts.astype(np.float64).tolist(),
    )
