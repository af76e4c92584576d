"""From a model configuration to an ONNX Runtime session, by the rules of the C++ backend (onnxruntime_backend r24.10).

Parameters named `session.*` (such as session.set_denormal_as_zero) are an addition, which the C++ backend ignores.
"""

from pathlib import Path
from typing import Any

import onnxruntime as ort
import triton_python_backend_utils as pb_utils

Config = dict[str, Any]

_SAME_NAME = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "string")
_TYPES = {f"tensor({name})": f"TYPE_{name.upper()}" for name in _SAME_NAME} | {
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
}
_GRAPH_LEVELS = {
    -1: ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    1: ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    2: ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_EXECUTION_MODES = {0: ort.ExecutionMode.ORT_SEQUENTIAL, 1: ort.ExecutionMode.ORT_PARALLEL}


def refusal(message: str) -> Exception:
    """What to raise when a model cannot be loaded: the text reaches the server log and the load API."""
    return pb_utils.TritonModelException(message)  # type: ignore[no-any-return]


def load(config: Config, folder: str, kind: str, device_id: int) -> Any:
    """The session that serves the model in a version folder, held to its configuration."""
    path = Path(folder, config.get("default_model_filename") or "model.onnx")
    if path.is_dir():  # a large model with external data
        path /= "model.onnx"
    if not path.is_file():
        raise refusal(f"unable to find '{path}' for model '{config['name']}'")
    providers = [*_accelerators(config, kind, device_id), "CPUExecutionProvider"]
    options = _options(config)
    try:
        session = ort.InferenceSession(path, options, providers=providers)
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip()[:400]}"
        raise refusal(f"failed to load '{path}': {reason}") from None
    _validate(config, session)
    return session


def _options(config: Config) -> Any:
    given = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
    level = int(config.get("optimization", {}).get("graph", {}).get("level") or 0)
    mode = int(given.get("execution_mode", 0))
    if mode not in _EXECUTION_MODES:
        expected = "Expected values for execution_mode are 0 or 1"
        raise refusal(f"Invalid configuration value provided. {expected} but got {mode} .")
    options = ort.SessionOptions()
    options.graph_optimization_level = _GRAPH_LEVELS.get(level, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
    options.execution_mode = _EXECUTION_MODES[mode]
    options.intra_op_num_threads = max(0, int(given.get("intra_op_thread_count", 0)))  # 0: as many as cores
    options.inter_op_num_threads = max(0, int(given.get("inter_op_thread_count", 0)))
    options.enable_cpu_mem_arena = _flag(given.get("enable_mem_arena", "1"))
    options.enable_mem_pattern = _flag(given.get("enable_mem_pattern", "1"))
    for key, value in given.items():
        if key.startswith("session."):
            options.add_session_config_entry(key, value)
    return options


def _flag(text: str) -> bool:
    return text.strip().lower() in ("1", "true")


def _accelerators(config: Config, kind: str, device_id: int) -> list[Any]:
    """Providers that the configuration asks for and this onnxruntime has; the CPU comes behind them anyway."""
    asked = config.get("optimization", {}).get("execution_accelerators") or {}
    available = ort.get_available_providers()
    chosen: list[Any] = []
    if kind == "GPU":
        on_gpu = {accelerator["name"] for accelerator in asked.get("gpu_execution_accelerator", [])}
        names = ["TensorrtExecutionProvider"] * ("tensorrt" in on_gpu) + ["CUDAExecutionProvider"]
        chosen += [(name, {"device_id": device_id}) for name in names if name in available]
    for accelerator in asked.get("cpu_execution_accelerator", []):
        if accelerator["name"] != "openvino":
            raise refusal(f"unknown Execution Accelerator '{accelerator['name']}' is requested")
        if "OpenVINOExecutionProvider" in available:
            chosen.append(("OpenVINOExecutionProvider", {"device_type": "CPU"}))
        else:
            absent = "execution accelerator 'openvino' asked for, but this onnxruntime has no OpenVINO provider"
            pb_utils.Logger.log_warn(f"model '{config['name']}': {absent}; CPU provider used")
    return chosen


def _validate(config: Config, session: Any) -> None:
    """Refuse a configuration that contradicts the model: every input must be there, outputs may be left out."""
    expected, provided = len(config["input"]), len(session.get_inputs())
    if expected != provided:
        counts = f"configuration expects {expected} inputs, model provides {provided}"
        raise refusal(f"unable to load model '{config['name']}', {counts}")
    for key, tensors in (("input", session.get_inputs()), ("output", session.get_outputs())):
        found = {tensor.name: tensor for tensor in tensors}
        for tensor in config[key]:
            if tensor["name"] not in found:
                allowed = f"allowed {key}s are: {', '.join(found)}"
                raise refusal(f"unexpected inference {key} '{tensor['name']}', {allowed}")
            _validate_type(config, key, tensor, found[tensor["name"]])
            _validate_shape(config, tensor, _dims(found[tensor["name"]]))


def _validate_type(config: Config, key: str, expected: Config, found: Any) -> None:
    provided = _TYPES.get(found.type, found.type)
    if provided != expected["data_type"]:
        wanted = f"configuration expects datatype {expected['data_type']} for {key} '{expected['name']}'"
        raise refusal(f"unable to load model '{config['name']}', {wanted}, model provides {provided}")


def _validate_shape(config: Config, expected: Config, found: list[int]) -> None:
    batched = config["max_batch_size"] > 0
    dims = expected["reshape"].get("shape", []) if "reshape" in expected else expected["dims"]
    full = [-1] * batched + [int(dim) for dim in dims]
    fits = len(full) == len(found) and all(-1 in pair or pair[0] == pair[1] for pair in zip(full, found, strict=True))
    if not fits or (batched and found[0] != -1):
        batch = "an initial batch dimension because max_batch_size > 0 followed by " if batched else ""
        raise refusal(
            f"model '{config['name']}', tensor '{expected['name']}': the model expects {len(found)} dimensions "
            f"(shape {found}) but the model configuration specifies {len(full)} dimensions ({batch}the explicit "
            f"tensor shape, making complete shape {full})"
        )


def _dims(tensor: Any) -> list[int]:
    return [dim if isinstance(dim, int) and dim >= 0 else -1 for dim in tensor.shape]
