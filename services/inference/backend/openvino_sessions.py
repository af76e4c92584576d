"""ONNX Runtime sessions on the OpenVINO provider.

Used by the backend, and by whoever measures it: both must run the very same thing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort

PROVIDER = "OpenVINOExecutionProvider"


def available() -> bool:
    """Whether the installed onnxruntime has the provider."""
    return PROVIDER in ort.get_available_providers()


def session(path: Path, options: Any, shape: str = "", precision: str = "f32") -> Any:
    """A session with as many threads as `options` give it.

    `shape` fixes that of the inputs, such as "images[1,2,640,640]": a tenth faster than with an open batch axis.
    `precision` is that of all that is not in eight bits. OpenVINO by itself would choose bf16 where the CPU has AMX,
    and answers would depend on the host. Raises whatever ONNX Runtime raises when the model does not compile.
    """
    tuning = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    tuning["ENABLE_CPU_PINNING"] = "NO"  # pinned, all instances of a model would sit on the same cores
    if options.intra_op_num_threads:
        tuning["INFERENCE_NUM_THREADS"] = str(options.intra_op_num_threads)
    given = {"device_type": "CPU", "load_config": json.dumps({"CPU": tuning})}
    if shape:
        given["reshape_input"] = shape
    providers = [(PROVIDER, given), "CPUExecutionProvider"]
    return ort.InferenceSession(path, options, providers=providers, enable_fallback=0)


def fixed(inputs: Mapping[str, Sequence[int]], rows: int = 1) -> str:
    """The `shape` of a batch of `rows`; `inputs` are the dimensions of each without the batch axis."""
    return ",".join(f"{name}[{','.join(str(dim) for dim in (rows, *dims))}]" for name, dims in inputs.items())
