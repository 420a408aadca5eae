"""A trained model as two ONNX files, checked against PyTorch."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.protocols import Likelihood, MarginalHead, Posterior
from unbraid.errors import DataUnavailable, IncompatibleParts, UnbraidError
from unbraid.model import Model
from unbraid.nn.decoders.spatial_broadcast import SpatialBroadcast
from unbraid.nn.layers import Size
from unbraid.onnx_session import runtime_errors

OPSET = 18
"""What the exporter of PyTorch aims at, and runtimes in browsers have known for years."""
TOLERANCE = 1e-5
"""How far outputs may be from PyTorch's, as a share of the largest of them, where that is above 1."""
TRIED = (1, 3)
"""Sizes of the batches that are compared."""


class Encoder(nn.Module):
    """Images in [0, 1] -> posterior means and variances; means alone where a posterior is a point."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.trunk, self.head = model.vae.networks["encoder"], model.vae.networks["posterior"]
        self.outputs = ("mean",) if model.vae.quantizer else ("mean", "variance")

    def forward(self, images: Float[Tensor, "n channel height width"]) -> tuple[Float[Tensor, "n latent"], ...]:
        """The outputs, under the names in `outputs`."""
        params = self.trunk(images)
        if isinstance(self.head, MarginalHead):
            return self.head.marginals(params)
        posterior = cast(Posterior, self.head(params))
        return tuple(getattr(posterior, name) for name in self.outputs)


class Decoder(nn.Module):
    """Codes -> images in [0, 1], the means of p(x|z)."""

    outputs = ("images",)

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.decoder, self.likelihood = model.vae.networks["decoder"], model.vae.networks["likelihood"]

    def forward(self, codes: Float[Tensor, "n latent"]) -> tuple[Float[Tensor, "n channel height width"], ...]:
        """The images."""
        return (cast(Likelihood, self.likelihood).mean(self.decoder(codes)),)


class Preview(nn.Module):
    """Codes -> smaller images, by a decoder that draws any size."""

    outputs = ("images",)

    def __init__(self, model: Model, size: Size) -> None:
        super().__init__()
        decoder = model.vae.networks["decoder"]
        if not isinstance(decoder, SpatialBroadcast):
            raise IncompatibleParts(
                f"The decoder {type(decoder).__name__} draws one size; only spatial_broadcast draws others."
            )
        self.decoder, self.likelihood, self.size = decoder, model.vae.networks["likelihood"], size

    def forward(self, codes: Float[Tensor, "n latent"]) -> tuple[Float[Tensor, "n channel height width"], ...]:
        """The images."""
        return (cast(Likelihood, self.likelihood).mean(self.decoder(codes, self.size)),)


def onnx_files(model: Model) -> dict[str, bytes]:
    """`encoder.onnx` and `decoder.onnx` of a model.

    Weights inside, any number of rows, opset 18, no paths of this machine.

    Raises `DataUnavailable` where the packages for it are not installed and `UnbraidError` where a file's outputs differ from
    PyTorch's by more than `TOLERANCE`.
    """
    rng = np.random.default_rng(0)
    images = rng.random((max(TRIED), *model.image_shape), dtype=np.float32)
    codes = model.encode(images, scaled=True)
    return {
        "encoder.onnx": exported("encoder.onnx", Encoder(model), "images", images),
        "decoder.onnx": exported("decoder.onnx", Decoder(model), "codes", codes),
    }


def exported(name: str, module: Encoder | Decoder | Preview, given: str, example: np.ndarray) -> bytes:
    """A network as an ONNX file of a name, which errors tell; raises as `onnx_files` does.

    Args:
        given: name of its input.
        example: an input of as many rows as the largest of `TRIED`.
    """
    torch_onnx, onnx, runtime = (package(one) for one in ("torch.onnx", "onnx", "onnxruntime"))
    package("onnxscript")
    module = module.eval().cpu()
    batch = torch.export.Dim("n", min=1)
    with _quietly(), torch.no_grad():
        program = torch_onnx.export(
            module,
            (torch.from_numpy(example),),
            input_names=[given],
            output_names=list(module.outputs),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: batch},),
            verbose=False,
        )
    content = _without_traces(program.model_proto)
    onnx.checker.check_model(content, full_check=True)
    raw: bytes = content.SerializeToString()
    compare(name, module, runtime.InferenceSession(raw, providers=["CPUExecutionProvider"]), given, example)
    return raw


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of itself, such as that torchvision is not installed."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _without_traces(content: Any) -> Any:
    """The model without notes on the code that it was made from, which name folders of this machine."""
    del content.metadata_props[:]
    graphs = [content.graph, *content.functions]
    for graph in graphs:
        del graph.metadata_props[:]
        for part in (*graph.node, *graph.value_info):
            del part.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
    for part in (*content.graph.input, *content.graph.output, *content.graph.initializer):
        del part.metadata_props[:]
    content.doc_string = ""
    return content


def compare(name: str, module: nn.Module, session: Any, given: str, example: np.ndarray) -> None:
    """Raises `UnbraidError` where a session's outputs are not those of the network."""
    for n in TRIED:
        with torch.no_grad():
            expected = [output.numpy() for output in module(torch.from_numpy(example[:n]))]
        try:
            found = session.run(None, {given: example[:n]})
        except runtime_errors() as error:
            raise UnbraidError(f"{name} does not run on {n} rows ({error}), so it was not written.") from error
        for right, own in zip(expected, found, strict=True):
            off = float(np.abs(right - own).max()) / max(1.0, float(np.abs(right).max()))
            if not off <= TOLERANCE:
                raise UnbraidError(
                    f"{name} differs from PyTorch by {off:.1g}, more than {TOLERANCE:g} of its largest output, so it was not "
                    "written. Try another version of onnxruntime or PyTorch."
                )


def package(name: str) -> Any:
    """A package that exporting needs. Raises `DataUnavailable` where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise DataUnavailable(f"Exporting needs the package {name}: pip install 'unbraid[export]'.") from None
