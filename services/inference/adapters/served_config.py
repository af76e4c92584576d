"""What of a config.pbtxt may reach Triton: nobody has signed it, so it chooses among what is signed and no more.

Triton takes more from a configuration than sizes and threads: other code, other files, agents, warm-up data. What is
not on the lists below is refused by name, and what is served is written anew from what is left (S2).
"""

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from services.chassis.errors import Denied, Invalid, NotFound

PLAN = ".plan"
_ONNX, _TENSORRT = "onnxruntime", "tensorrt_plan"
_ENGINES = {"onnxruntime": _ONNX, "onnxruntime_onnx": _ONNX, "tensorrt": _TENSORRT, "tensorrt_plan": _TENSORRT}
_USUAL_FILE = {_ONNX: "model.onnx", _TENSORRT: "model.plan"}
_FIELDS = {
    *("name", "platform", "backend", "max_batch_size", "input", "output", "default_model_filename"),
    *("instance_group", "dynamic_batching", "optimization", "model_warmup", "parameters"),
}
_PARAMETERS = {
    *("intra_op_thread_count", "inter_op_thread_count", "execution_mode", "enable_mem_arena", "enable_mem_pattern"),
    *("session.set_denormal_as_zero", "session.intra_op.allow_spinning", "session.inter_op.allow_spinning"),
    *("gpu_mem_limit", "arena_extend_strategy", "cudnn_conv_algo_search", "cudnn_conv_use_max_workspace"),
}
"""Not all `session.*`: some of ONNX Runtime's name files."""
_ACCELERATORS: dict[str, set[str]] = {
    "openvino": set(),
    "tensorrt": {
        *("precision_mode", "max_workspace_size_bytes", "minimum_segment_size", "trt_cuda_graph_enable"),
        *("trt_engine_cache_enable", "trt_engine_cache_path", "trt_timing_cache_enable"),
        *("trt_builder_optimization_level", "trt_layer_norm_fp32_fallback"),
        *("trt_profile_min_shapes", "trt_profile_opt_shapes", "trt_profile_max_shapes"),
    },
}
_ENGINE_CACHE = "/var/cache/trt"
"""The one folder for engines that ONNX Runtime builds itself: what lies there is run, so it is not to be chosen."""


def parse(path: Path) -> model_config_pb2.ModelConfig:
    """A config.pbtxt as Triton's own message. Raises NotFound or Invalid naming file, line and column."""
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", field="config.pbtxt") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}:{error}", field="config.pbtxt", fix="correct that place") from error


def allowed(path: Path, config: Any) -> model_config_pb2.ModelConfig:
    """`config`, read from `path`, as it may be served: without a name, with one engine and its file.

    Raises Denied naming what in it would have Triton run or read something that nobody has signed.
    """
    for what in _forbidden(config):
        fix = "take it out, or see services/inference/adapters/served_config.py for what may be said"
        raise Denied(f"{what} may have Triton run or read what nobody has signed", field=str(path), fix=fix)
    engine = _engine(path, config)
    served = model_config_pb2.ModelConfig()
    served.CopyFrom(config)
    served.ClearField("name")
    served.backend, served.platform = (engine, "") if engine == _ONNX else ("", engine)
    served.default_model_filename = config.default_model_filename or _USUAL_FILE[engine]
    return served


def _engine(path: Path, config: Any) -> str:
    """By backend or platform, which must not contradict each other, and the file must be one of its own (S2)."""
    said = {text for text in (config.backend, config.platform) if text}
    engines = {_ENGINES.get(text, "") for text in said}
    if len(engines) != 1 or "" in engines:
        fix = "say backend: onnxruntime, or platform: tensorrt_plan"
        raise Denied(f"backend {' and '.join(sorted(said)) or 'nothing'!r} is not served", field=str(path), fix=fix)
    engine = engines.pop()
    file = config.default_model_filename or _USUAL_FILE[engine]
    if file.endswith(PLAN) != (engine == _TENSORRT):
        fix = "a .plan has the platform tensorrt_plan, all else the backend onnxruntime"
        raise Denied(f"{file} is no file for {engine}", field=str(path), fix=fix)
    return engine


def _forbidden(config: Any) -> list[str]:
    """What is said in it and stands on no list."""
    accelerators = config.optimization.execution_accelerators
    asked = [*accelerators.cpu_execution_accelerator, *accelerators.gpu_execution_accelerator]
    warmed = [tensor for warmup in config.model_warmup for tensor in warmup.inputs.values()]
    return [
        *(field.name for field, _ in config.ListFields() if field.name not in _FIELDS),
        *(f"parameter {key}" for key in sorted(config.parameters) if key not in _PARAMETERS),
        *("label_filename" for tensor in config.output if tensor.label_filename),
        *("input_data_file" for tensor in warmed if tensor.WhichOneof("input_data_type") == "input_data_file"),
        *(what for accelerator in asked for what in _strange(accelerator)),
    ]


def _strange(accelerator: Any) -> list[str]:
    if accelerator.name not in _ACCELERATORS:
        return [f"accelerator {accelerator.name}"]
    known = _ACCELERATORS[accelerator.name]
    elsewhere = accelerator.parameters.get("trt_engine_cache_path", _ENGINE_CACHE) != _ENGINE_CACHE
    return [
        *(f"{accelerator.name} parameter {key}" for key in sorted(accelerator.parameters) if key not in known),
        *([f"trt_engine_cache_path other than {_ENGINE_CACHE}"] if elsewhere else []),
    ]
