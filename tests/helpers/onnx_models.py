"""Small encoders in ONNX files: what an image's pixels sum up to, in ways that can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper, save

FLOAT = TensorProto.FLOAT


def weights(pixels: int, latents: int) -> np.ndarray:
    """Of the means: latent j is the mean of j + 1 times the pixel's place in [0, 1] over bright pixels."""
    places = np.linspace(0, 1, pixels, dtype=np.float32)[:, None] ** np.arange(1, latents + 1)
    return (places / pixels).astype(np.float32)


def _endless(given: list[TensorProto]) -> list[NodeProto]:
    """flat = first + 2^62 times 0, one by one."""
    given += [numpy_helper.from_array(np.int64(2**62), "times"), numpy_helper.from_array(np.bool_(True), "always")]
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_next"]), helper.make_node("Abs", ["v"], ["v_next"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", FLOAT, ["a", "b"]),
        ],
        [
            helper.make_tensor_value_info("on_next", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_next", FLOAT, ["a", "b"]),
        ],
    )
    return [helper.make_node("Loop", ["times", "always", "first"], ["flat"], body=body)]


def _huge(given: list[TensorProto]) -> list[NodeProto]:
    """flat = first + the sum of 1.5e9 zeros."""
    given.append(numpy_helper.from_array(np.int64([1_500_000_000]), "many"))
    return [
        helper.make_node("ConstantOfShape", ["many"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["first", "zero"], ["flat"]),
    ]


BURDENS = {"endless": _endless, "huge": _huge}


def encoder(
    path: Path,
    *,
    shape: Sequence[int | str] = ("n", 1, 32, 32),
    latents: int = 3,
    outputs: Sequence[str] = ("mean", "logvar"),
    spoil: str = "",
    kind: int = FLOAT,
    last: bool = False,
    pixels: int | None = None,
    wanted: Sequence[int] = (),
) -> Path:
    """Outputs are linear in the pixels: the first has `weights`, each next one is half the one before, less 1.

    Args:
        spoil: "nan" divides 0 by 0 in each output, "transposed" turns them, "summed" adds up the rows, "noise" adds some to
            each, "endless" counts to 2^62 and "huge" makes 6 GB of zeros before the first.
        kind: of numbers that it takes.
        last: whether its images have channels last; `shape` is then (n, height, width, channel).
        pixels: of an image, where `shape` does not say.
        wanted: channel, height and width of the images that it can encode, where `shape` does not say.
    """
    pixels = pixels or int(np.prod([size for size in shape[1:] if isinstance(size, int)]))
    nodes = [
        helper.make_node("Cast", ["x"], ["cast"], to=FLOAT),
        helper.make_node("Transpose", ["cast"], ["turned"], perm=[0, 3, 1, 2] if last else list(range(len(shape)))),
        helper.make_node("Flatten", ["turned"], ["first" if spoil in BURDENS else "flat"]),
    ]
    given = [numpy_helper.from_array(weights(pixels, latents), "w")]
    if wanted:  # fails for images of another shape
        nodes.insert(2, helper.make_node("Add", ["turned", "nothing"], ["as_wanted"]))
        nodes[3].input[0] = "as_wanted"
        given.append(numpy_helper.from_array(np.zeros((1, *wanted), np.float32), "nothing"))
    if spoil in BURDENS:
        nodes += BURDENS[spoil](given)
    for number, name in enumerate(outputs):
        nodes.append(helper.make_node("MatMul", ["flat", "w"], [f"raw{number}"]))
        given.append(numpy_helper.from_array(np.float32(0.5**number), f"scale{number}"))
        given.append(numpy_helper.from_array(np.float32(-number), f"shift{number}"))
        nodes.append(helper.make_node("Mul", [f"raw{number}", f"scale{number}"], [f"scaled{number}"]))
        end = f"done{number}" if spoil and spoil not in BURDENS else name
        nodes.append(helper.make_node("Add", [f"scaled{number}", f"shift{number}"], [end]))
        if spoil == "nan":
            nodes.append(helper.make_node("Sub", [end, end], [f"zero{number}"]))
            nodes.append(helper.make_node("Div", [f"zero{number}", f"zero{number}"], [name]))
        elif spoil == "transposed":
            nodes.append(helper.make_node("Transpose", [end], [name], perm=[1, 0]))
        elif spoil == "summed":
            nodes.append(helper.make_node("ReduceSum", [end], [name], keepdims=0))
        elif spoil == "noise":
            nodes.append(helper.make_node("RandomNormalLike", [end], [f"noise{number}"]))
            nodes.append(helper.make_node("Add", [end, f"noise{number}"], [name]))
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
