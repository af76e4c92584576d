"""Which file of a version a configuration has Triton read, and that nothing else in the folder is ever run.

Triton takes more from a model's folder than its network: a backend library or a model.py there comes before the
installed backend, and a configuration may name other files. None of that is signed, so none of it is accepted.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from services.chassis.errors import Denied, Invalid, NotFound

PLAN = ".plan"
_BACKENDS = {
    "onnxruntime": "model.onnx",
    "onnxruntime_onnx": "model.onnx",
    "tensorrt": "model.plan",
    "tensorrt_plan": "model.plan",
}
_INERT = {".pbtxt", ".json", ".md", ".svg", ".png"}
"""Nobody runs these: configurations, papers and pictures, which may lie in the folder without a signature."""


def parse(path: Path) -> model_config_pb2.ModelConfig:
    """A config.pbtxt as Triton's own message. Raises NotFound or Invalid naming file, line and column."""
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", field="config.pbtxt") from error
    except text_format.ParseError as error:
        raise Invalid(f"{path}:{error}", field="config.pbtxt", fix="correct that place") from error


def served_file(path: Path, config: Any) -> str:
    """The file within a version folder. Raises Denied when `config`, read from `path`, has code run from elsewhere."""
    backend = config.backend or config.platform
    other_code = (
        (backend not in _BACKENDS, f"backend {backend!r}"),
        (config.runtime, "runtime"),
        (config.cc_model_filenames, "cc_model_filenames"),
        (config.model_operations.op_library_filename, "model_operations"),
        ("EXECUTION_ENV_PATH" in config.parameters, "EXECUTION_ENV_PATH"),
    )
    for found, what in other_code:
        if found:
            fix = "take it out; the backend is onnxruntime, or the platform tensorrt_plan"
            raise Denied(f"{what} would run what nobody has signed", field=str(path), fix=fix)
    return str(config.default_model_filename) or _BACKENDS[backend]


def without_strangers(model: Path, signed: Collection[str]) -> None:
    """Raises Denied when something lies in the folder that is neither signed nor inert; plans are looked at apart."""
    for path in sorted(model.rglob("*")):
        if path.is_dir() or path.suffix in _INERT | {PLAN} or path.relative_to(model).as_posix() in signed:
            continue
        raise Denied(f"{path} is not in the signed manifest", field=f"model {model.name}", fix="take it away")
