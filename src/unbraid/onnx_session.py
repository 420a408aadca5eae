"""ONNX models from elsewhere, run within bounds of time and memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.errors import DataUnavailable

LARGEST_FILE = 2 << 30
"""Bytes of a file; ONNX holds no more in one."""
MOST_MEMORY = 4 << 30
"""Bytes that models take for weights and results together."""
MOST_SECONDS = 120.0
"""A model that takes longer for one batch is stopped."""
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
"""Kinds of real numbers that models take."""


class Refused(Exception):
    """What onnxruntime refused, in its words, or which bound was reached."""


class OnnxSession:
    """A model that was opened.

    Args:
        model: an .onnx file, or its bytes, which are read without other files beside.
        instead: what to do without onnxruntime, for the message.

    Raises `Refused` for a file that cannot be read and `DataUnavailable` where onnxruntime is not installed.
    """

    def __init__(self, model: Path | bytes, instead: str = "") -> None:
        try:
            import onnxruntime
        except ImportError:
            raise DataUnavailable(
                f"ONNX files need the package onnxruntime: pip install 'unbraid[onnx]'. {instead}".rstrip()
            ) from None
        if isinstance(model, Path) and model.stat().st_size > LARGEST_FILE:
            raise Refused(f"it has {model.stat().st_size:,} bytes; allowed: {LARGEST_FILE:,}")
        _limit_memory()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is refused is told in our words
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            given = str(model) if isinstance(model, Path) else model
            self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except runtime_errors() as error:
            raise Refused(_reason(error)) from None
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()

    @property
    def takes(self) -> str:
        """Its inputs in words."""
        return "; ".join(f"{one.name} {one.type} {tuple(one.shape)}" for one in self.inputs) or "nothing"

    def run(self, wanted: Sequence[str] | None, given: Mapping[str, np.ndarray]) -> list[Any]:
        """Outputs for inputs, brought to the kind of number that the model takes.

        Raises `Refused` for what it cannot compute, and what takes more than `MOST_SECONDS` or `MOST_MEMORY`.
        """
        import onnxruntime

        kinds = {one.name: TYPES.get(one.type) for one in self.inputs}
        brought = {name: array.astype(kinds.get(name) or array.dtype, copy=False) for name, array in given.items()}
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4
        timer = threading.Timer(MOST_SECONDS, lambda: setattr(options, "terminate", True))
        timer.start()
        try:
            found: list[Any] = self._session.run(wanted, brought, options)
        except runtime_errors() as error:
            if options.terminate:
                raise Refused(f"it was stopped after {MOST_SECONDS:g} s") from None
            if "memory" in str(error).lower() or "bfc_arena" in str(error):
                raise Refused(f"it needs more than {MOST_MEMORY >> 30} GiB of memory") from None
            raise Refused(_reason(error)) from None
        finally:
            timer.cancel()
        return found


@cache  # onnxruntime has one allocator for all sessions that share it
def _limit_memory() -> None:
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    info = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    limits = onnxruntime.OrtArenaCfg({"max_mem": MOST_MEMORY, "arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(info, limits)


def runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime refuses files and inputs with; its own classes have no base in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds: list[type[Exception]] = [k for k in vars(state).values() if isinstance(k, type) and issubclass(k, Exception)]
    return (*kinds, RuntimeError, ValueError)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]} ..."
