"""Small decoders in ONNX files whose images can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FLOAT = TensorProto.FLOAT


def weights(shape: Sequence[int], latents: int) -> np.ndarray:
    """Latent j draws waves that are j + 1 long across all pixels."""
    places = np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32)
    return np.stack([np.sin(2 * np.pi * (j + 1) * places) for j in range(latents)]).astype(np.float32)


def images(codes: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """What the decoder gives."""
    return (1 / (1 + np.exp(-codes @ weights(shape, codes.shape[1])))).reshape(-1, *shape)


def decoder(path: Path, shape: Sequence[int], *, latents: int = 3, batch: int | str = "n", sigmoid: bool = True) -> Path:
    """sigmoid(codes W), in the shape of images."""
    nodes = [
        helper.make_node("MatMul", ["z", "w"], ["flat"]),
        helper.make_node("Sigmoid" if sigmoid else "Identity", ["flat"], ["shares"]),
        helper.make_node("Reshape", ["shares", "shape"], ["x"]),
    ]
    given = [
        numpy_helper.from_array(weights(shape, latents), "w"),
        numpy_helper.from_array(np.array([-1, *shape], np.int64), "shape"),
    ]
    graph = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("z", FLOAT, [batch, latents])],
        [helper.make_tensor_value_info("x", FLOAT, [batch, *shape])],
        given,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)
    return path
