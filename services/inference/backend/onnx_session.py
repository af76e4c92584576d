"""From a model configuration to an ONNX Runtime session, by the rules of the C++ backend (onnxruntime_backend r24.10).

Parameters named `session.*` (such as session.set_denormal_as_zero) are an addition, which the C++ backend ignores.
"""

from pathlib import Path
from typing import Any

import batches  # type: ignore[import-not-found]  # lies beside this file, where Triton looks
import onnxruntime as ort
import openvino_sessions  # type: ignore[import-not-found]
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
    """What serves the model in a version folder, held to its configuration: `session`, and `run` for many requests."""
    path = Path(folder, config.get("default_model_filename") or "model.onnx")
    if path.is_dir():  # a large model with external data
        path /= "model.onnx"
    if not path.is_file():
        raise refusal(f"unable to find '{path}' for model '{config['name']}'")
    options = _options(config)
    runner = _on_openvino(config, path, options) if _asks_for_openvino(config) and kind != "GPU" else None
    if runner is None:
        runner = batches.Joined(_session(path, options, _gpu_providers(config, kind, device_id)))
    _validate(config, runner.session)
    return runner


def _session(path: Path, options: Any, providers: list[Any]) -> Any:
    try:
        return ort.InferenceSession(path, options, providers=[*providers, "CPUExecutionProvider"])
    except Exception as error:
        raise refusal(f"failed to load '{path}': {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


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


def _gpu_providers(config: Config, kind: str, device_id: int) -> list[Any]:
    """Providers for an instance on a GPU that this onnxruntime has; the CPU comes behind them anyway."""
    if kind != "GPU":
        return []
    asked = {accelerator["name"] for accelerator in _accelerators(config, "gpu_execution_accelerator")}
    names = ["TensorrtExecutionProvider"] * ("tensorrt" in asked) + ["CUDAExecutionProvider"]
    return [(name, {"device_id": device_id}) for name in names if name in ort.get_available_providers()]


def _asks_for_openvino(config: Config) -> bool:
    asked = [accelerator["name"] for accelerator in _accelerators(config, "cpu_execution_accelerator")]
    if unknown := set(asked) - {"openvino"}:
        raise refusal(f"unknown Execution Accelerator '{min(unknown)}' is requested")
    return bool(asked)


def _accelerators(config: Config, where: str) -> list[Config]:
    asked = config.get("optimization", {}).get("execution_accelerators") or {}
    return list(asked.get(where, []))


def _on_openvino(config: Config, path: Path, options: Any) -> Any:
    """The model on OpenVINO; None, after one warning, where that is missing or cannot run it: slow beats not at all."""
    if not openvino_sessions.available():
        return _without_openvino(config, "this onnxruntime has no OpenVINO provider")
    shapes = {tensor["name"]: _shape(tensor) for tensor in config["input"]}
    try:
        if config["max_batch_size"] < 1 or any(-1 in shape for shape in shapes.values()):
            return batches.Joined(openvino_sessions.session(path, options))
        return batches.RowByRow(openvino_sessions.session(path, options, openvino_sessions.fixed(shapes)))
    except Exception as error:
        return _without_openvino(config, _reason(error))


def _without_openvino(config: Config, reason: str) -> None:
    asked = "execution accelerator 'openvino' asked for, but"
    pb_utils.Logger.log_warn(f"model '{config['name']}': {asked} {reason}; CPU provider used")


def _shape(tensor: Config) -> list[int]:
    """The dimensions that the model has for a tensor of the configuration, without the batch axis."""
    dims = tensor["reshape"].get("shape", []) if "reshape" in tensor else tensor["dims"]
    return [int(dim) for dim in dims]


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
    full = [-1] * batched + _shape(expected)
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
