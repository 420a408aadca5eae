"""Networks as a page carries them: a graph per architecture, weights as whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int16, UInt8

from unbraid.explorer.content import Network, Tensor
from unbraid.explorer.onnx_files import package

FLOAT = 1
"""What ONNX calls float32."""
RESIZING = ("Resize", "Upsample")
"""Operators whose further inputs say how far an image grows."""
BITS = range(7, 16)
"""Bits of a weight that are tried, from the coarsest."""
LEAST_SHADE = 1 / 255
"""How far outputs may be off, as a share of the largest output where that is above 1."""


@dataclass
class Networks:
    """The networks of a page and the files that hold them.

    A tensor's weights w are stored as whole numbers q, w ~ step q, with step = max |w| / (2^(bits - 1) - 1). The fewest bits
    are taken that keep all outputs on examples within `LEAST_SHADE`. Consecutive times of a training share the steps, and of an
    earlier time only differences of q are stored, which compress well. Where no number of bits is enough, or where files of
    different times differ in more than their weights, the ONNX files are stored as they are.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    described: dict[str, Network] = field(default_factory=dict)
    _graphs: dict[bytes, str] = field(default_factory=dict)

    def add(self, contents: dict[str, bytes], given: str, example: Float32[np.ndarray, "n *shape"]) -> None:
        """Store networks of one model by name, of consecutive times, the oldest first.

        Args:
            contents: ONNX files.
            given: name of their input.
            example: an input on which outputs are compared.
        """
        parts = [split(content) for content in contents.values()]
        graph = parts[-1][0]
        fitting = all(part[0] == graph and part[1] == parts[-1][1] for part in parts)
        weights = np.stack([part[2] for part in parts]) if fitting else np.zeros((0, 0), np.float32)
        places = parts[-1][1]
        steps = _steps(list(contents.values()), graph, places, weights, given, example) if fitting else None
        if steps is None:
            self.files.update(contents)
            return
        stem = self._graphs.setdefault(graph, f"graph{len(self._graphs)}")
        self.files[stem] = graph
        whole = rounded(weights, steps, places)
        tensors = [Tensor(offset, length, float(step)) for (offset, length), step in zip(places, steps, strict=True)]
        later = None
        for name, own, after in reversed(list(zip(contents, whole, [*whole[1:], np.zeros_like(whole[0])], strict=True))):
            self.files[f"{name}-weights"] = planes(own - after)
            self.described[name] = Network(graph=stem, weights=f"{name}-weights", later=later, tensors=tensors)
            later = name


def split(content: bytes) -> tuple[bytes, list[tuple[int, int]], Float32[np.ndarray, "_"]]:
    """An ONNX file with zeros for its float32 weights, their places (offset, count), and the weights.

    Numbers that sizes of images follow from are no weights: a scale of 1 that is rounded adds channels.
    """
    model = package("onnx").load_from_string(content)
    rng, marks, found = np.random.default_rng(0), [], [np.zeros(0, np.float32)]
    scales = {name for node in model.graph.node if node.op_type in RESIZING for name in node.input[1:]}
    for tensor in model.graph.initializer:
        if tensor.data_type == FLOAT and tensor.raw_data and tensor.name not in scales:
            found.append(np.frombuffer(tensor.raw_data, "<f4"))
            marks.append(rng.bytes(len(tensor.raw_data)))
            tensor.raw_data = marks[-1]
    graph, places, start = bytearray(model.SerializeToString()), [], 0
    for mark in marks:  # tensors lie in the order of the graph
        offset = graph.index(mark, start)
        start = offset + len(mark)
        graph[offset:start] = bytes(len(mark))
        places.append((offset, len(mark) // 4))
    return bytes(graph), places, np.concatenate(found)


def joined(graph: bytes, places: Sequence[tuple[int, int]], whole: Int16[np.ndarray, "n"], steps: Sequence[float]) -> bytes:
    """The ONNX file again, as the page puts it together."""
    made, start = bytearray(graph), 0
    for (offset, length), step in zip(places, steps, strict=True):
        values = whole[start : start + length].astype(np.float64) * step
        made[offset : offset + 4 * length] = values.astype("<f4").tobytes()
        start += length
    return bytes(made)


def rounded(
    weights: Float32[np.ndarray, "t n"], steps: Sequence[float], places: Sequence[tuple[int, int]]
) -> Int16[np.ndarray, "t n"]:
    """Weights in steps of their tensors, to the nearest whole number."""
    each = np.repeat(np.asarray(steps, np.float64), [length for _, length in places])
    return np.rint(weights / each).astype(np.int16)


def planes(differences: Int16[np.ndarray, "n"]) -> bytes:
    """Whole numbers, 0, -1, 1, -2 as 0, 1, 2, 3: all low bytes, then all high bytes."""
    folded = ((differences << 1) ^ (differences >> 15)).view(np.uint16)
    low: UInt8[np.ndarray, "n"] = (folded & 255).astype(np.uint8)
    return low.tobytes() + (folded >> 8).astype(np.uint8).tobytes()


def _steps(
    contents: list[bytes],
    graph: bytes,
    places: list[tuple[int, int]],
    weights: Float32[np.ndarray, "t n"],
    given: str,
    example: np.ndarray,
) -> list[float] | None:
    """The largest steps with which all times stay within a shade; None where none do."""
    if not places or not np.isfinite(weights).all():
        return None
    ends = np.cumsum([length for _, length in places])
    largest = np.array([float(np.abs(part).max()) or 1.0 for part in np.split(weights, ends[:-1], axis=1)])
    expected = [_outputs(content, given, example) for content in contents]
    for bits in BITS:
        steps: list[float] = (largest / (2 ** (bits - 1) - 1)).tolist()
        whole = rounded(weights, steps, places)
        if all(
            _within(right, _outputs(joined(graph, places, own, steps), given, example))
            for right, own in zip(reversed(expected), whole[::-1], strict=True)
        ):
            return steps
    return None


def _outputs(content: bytes, given: str, example: np.ndarray) -> list[np.ndarray]:
    session = package("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {given: example})
    return found


def _within(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> bool:
    return all(
        float(np.abs(right - own).max()) <= LEAST_SHADE * max(1.0, float(np.abs(right).max()))
        for right, own in zip(expected, found, strict=True)
    )
