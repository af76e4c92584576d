"""What a bench ran on: figures of two machines do not compare."""

import os
import platform
from pathlib import Path
from typing import Any

import onnxruntime

_EIGHT_BIT_UNITS = ("avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16")


def described() -> dict[str, Any]:
    """The CPU, what in it multiplies small numbers, how busy it was, and the runtime with its providers."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if platform.system() == "Linux" else []
    flags = _value(lines, "flags").split()
    return {
        "cpu": _value(lines, "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "eight_bit_units": [flag for flag in _EIGHT_BIT_UNITS if flag in flags],
        "load": round(os.getloadavg()[0], 2),
        "onnxruntime": onnxruntime.__version__,
        "providers": onnxruntime.get_available_providers(),
    }


def _value(lines: list[str], name: str) -> str:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
