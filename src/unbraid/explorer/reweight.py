"""Networks of one architecture as ONNX files: exported once, then written with the weights of each."""

from __future__ import annotations

import numpy as np

from unbraid.errors import UnbraidError
from unbraid.explorer.onnx_files import Decoder, Encoder, Preview, compare, exported, package


class Exporter:
    """Exports networks; those that differ from an earlier one in their weights alone take no time."""

    def __init__(self) -> None:
        self._made: dict[str, bytes] = {}

    def file(self, name: str, module: Encoder | Decoder | Preview, given: str, example: np.ndarray) -> bytes:
        """The ONNX file of a network, checked against PyTorch; arguments and errors are those of `exported`."""
        alike = repr((name, example.shape, module, [(key, value.shape) for key, value in module.state_dict().items()]))
        if alike in self._made:
            return with_weights(self._made[alike], name, module, given, example)
        self._made[alike] = exported(name, module, given, example)
        return self._made[alike]


def with_weights(content: bytes, name: str, module: Encoder | Decoder | Preview, given: str, example: np.ndarray) -> bytes:
    """An exported network with the weights of another, checked against PyTorch as an export is.

    Where the exporter changed weights as it wrote them, so that they cannot be put in their places, or networks that look alike
    are not, the check finds that out, and the network is exported.
    """
    onnx, runtime = package("onnx"), package("onnxruntime")
    model = onnx.load_from_string(content)
    weights = module.state_dict()
    for tensor in model.graph.initializer:
        if tensor.name in weights and tuple(tensor.dims) == tuple(weights[tensor.name].shape):
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights[tensor.name].cpu().numpy(), tensor.name))
    raw: bytes = model.SerializeToString()
    try:
        compare(name, module.eval(), runtime.InferenceSession(raw, providers=["CPUExecutionProvider"]), given, example)
    except UnbraidError:
        return exported(name, module, given, example)
    return raw
