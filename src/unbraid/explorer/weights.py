"""The same network with other weights, as an ONNX file."""

from __future__ import annotations

import numpy as np

from unbraid.errors import UnbraidError
from unbraid.explorer.onnx_files import Decoder, Encoder, Preview, compare, exported, package


def with_weights(content: bytes, module: Encoder | Decoder | Preview, given: str, example: np.ndarray) -> bytes:
    """An exported network with the weights of another of its kind, checked against PyTorch as an export is.

    Exporting takes seconds and this takes none. Where an exporter changed weights as it wrote them, so that they cannot be put
    in their places, the check finds that out, and the network is exported.

    Raises what `exported` raises.
    """
    onnx, runtime = package("onnx"), package("onnxruntime")
    model = onnx.load_from_string(content)
    weights = module.state_dict()
    for tensor in model.graph.initializer:
        if tensor.name in weights and tuple(tensor.dims) == tuple(weights[tensor.name].shape):
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights[tensor.name].cpu().numpy(), tensor.name))
    raw: bytes = model.SerializeToString()
    try:
        compare(given, module.eval().cpu(), runtime.InferenceSession(raw, providers=["CPUExecutionProvider"]), given, example)
    except UnbraidError:
        return exported(given, module, given, example)
    return raw
