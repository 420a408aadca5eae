"""Small encoders in ONNX files: what an image's pixels sum up to, in ways that can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FLOAT = TensorProto.FLOAT


def weights(pixels: int, latents: int) -> np.ndarray:
    """Of the means: latent j is the mean of j + 1 times the pixel's place in [0, 1] over bright pixels."""
    places = np.linspace(0, 1, pixels, dtype=np.float32)[:, None] ** np.arange(1, latents + 1)
    return (places / pixels).astype(np.float32)


def encoder(
    path: Path,
    *,
    shape: Sequence[int | str] = ("n", 1, 32, 32),
    latents: int = 3,
    outputs: Sequence[str] = ("mean", "logvar"),
    spoil: str = "",
    kind: int = FLOAT,
) -> Path:
    """Outputs are linear in the pixels: the first has `weights`, each next one is half the one before, less 1.

    Args:
        spoil: "nan" divides 0 by 0 in each output, "transposed" turns them, "summed" adds up the rows.
    """
    pixels = int(np.prod([size for size in shape[1:] if isinstance(size, int)]))
    nodes = [helper.make_node("Flatten", ["x"], ["flat"])]
    if kind != FLOAT:
        nodes.insert(0, helper.make_node("Cast", ["x"], ["cast"], to=FLOAT))
        nodes[1].input[0] = "cast"
    given = [numpy_helper.from_array(weights(pixels, latents), "w")]
    for number, name in enumerate(outputs):
        nodes.append(helper.make_node("MatMul", ["flat", "w"], [f"raw{number}"]))
        given.append(numpy_helper.from_array(np.float32(0.5**number), f"scale{number}"))
        given.append(numpy_helper.from_array(np.float32(-number), f"shift{number}"))
        nodes.append(helper.make_node("Mul", [f"raw{number}", f"scale{number}"], [f"scaled{number}"]))
        last = f"done{number}" if spoil else name
        nodes.append(helper.make_node("Add", [f"scaled{number}", f"shift{number}"], [last]))
        if spoil == "nan":
            nodes.append(helper.make_node("Sub", [last, last], [f"zero{number}"]))
            nodes.append(helper.make_node("Div", [f"zero{number}", f"zero{number}"], [name]))
        elif spoil == "transposed":
            nodes.append(helper.make_node("Transpose", [last], [name], perm=[1, 0]))
        elif spoil == "summed":
            nodes.append(helper.make_node("ReduceSum", [last], [name], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info(name, FLOAT, [] if spoil == "summed" else ["a", "b"]) for name in outputs],
        given,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)
    return path
