"""The `onnxruntime` backend of Triton as a Python-based backend, for hosts that have only the PyPI tritonserver.

The model repository stays an ordinary one (`backend: "onnxruntime"`, `<version>/model.onnx`): the same folder runs on
the NGC container with the C++ backend. Only complete configurations are served: nothing is filled in from the model.
Triton loads this file; nobody imports it.
"""

import json
import sys
from collections import defaultdict
from typing import Any

import numpy as np
import onnx_session  # type: ignore[import-not-found]  # lies beside this file, where Triton looks
import triton_python_backend_utils as pb_utils

Feed = dict[str, np.ndarray[Any, Any]]

# The 24.10 stub speaks the NumPy 1 ABI: under NumPy 2 `as_numpy()` and `Tensor(array)` yield EMPTY tensors without an
# error, so DLPack carries the data; under NumPy 1 `from_dlpack()` of an array crashes the stub, so the plain calls do.
_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2  # noqa: PLR2004


class TritonPythonModel:
    """One instance of one model: one process."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model and refuse a configuration that contradicts it. Raises TritonModelException."""
        config = json.loads(args["model_config"])
        device = (args["model_instance_kind"], int(args["model_instance_device_id"]))
        self.runner = onnx_session.load(config, f"{args['model_repository']}/{args['model_version']}", *device)
        tensors = config["input"] + config["output"]
        if _NUMPY_2 and any(tensor["data_type"] == "TYPE_STRING" for tensor in tensors):
            raise onnx_session.refusal(f"model '{config['name']}': string tensors need numpy<2 in this environment")
        self.outputs = [output["name"] for output in config["output"]]
        self.batched = config["max_batch_size"] > 0
        pb_utils.Logger.log_info(
            f"onnxruntime (python-based): {config['name']} v{args['model_version']} "
            f"providers={self.runner.session.get_providers()}"
        )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer requests in order; those of equal shape run together."""
        responses: list[Any] = [None] * len(requests)
        groups: defaultdict[Any, list[tuple[int, Feed]]] = defaultdict(list)
        for index, request in enumerate(requests):
            if request.is_cancelled():
                responses[index] = _failure("request cancelled", pb_utils.TritonError.CANCELLED)
                continue
            feed = {tensor.name(): _array(tensor) for tensor in request.inputs()}
            shapes = tuple(sorted((name, array.shape[1:]) for name, array in feed.items()))
            groups[shapes if self.batched else index].append((index, feed))
        for group in groups.values():
            wanted = [set(requests[index].requested_output_names()) for index, _ in group]
            answers = self._run([feed for _, feed in group], wanted)
            for (index, _), answer in zip(group, answers, strict=True):
                responses[index] = answer
        return responses

    def _run(self, feeds: list[Feed], wanted: list[set[str]]) -> list[Any]:
        """A response per feed with the outputs that it wanted."""
        names = [name for name in self.outputs if any(name in want for want in wanted)]
        try:
            answers = self.runner.run(names, feeds)
        except Exception as error:
            return [_failure(f"onnx runtime error: {str(error)[:400]}") for _ in feeds]
        return [
            pb_utils.InferenceResponse([_tensor(n, a) for n, a in zip(names, answer, strict=True) if n in want])
            for answer, want in zip(answers, wanted, strict=True)
        ]

    def finalize(self) -> None:
        """Release the session."""
        del self.runner


def _failure(message: str, *code: int) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, *code))


def _array(tensor: Any) -> Any:
    if _NUMPY_2:
        return np.from_dlpack(tensor)
    array = tensor.as_numpy()
    if array.dtype == np.object_:  # Triton gives bytes, ONNX Runtime wants str
        array = np.array([text.decode() for text in array.ravel()], dtype=np.object_).reshape(array.shape)
    return array


def _tensor(name: str, array: Any) -> Any:
    array = np.ascontiguousarray(array)
    return pb_utils.Tensor.from_dlpack(name, array) if _NUMPY_2 else pb_utils.Tensor(name, array)


def _quieted(unraisable: Any, forward: Any = sys.unraisablehook) -> None:
    """The stub misnames a used DLPack capsule; NumPy would complain once per output tensor, 400 bytes each."""
    if "PyCapsule_GetPointer" not in str(unraisable.exc_value):
        forward(unraisable)


if _NUMPY_2:
    sys.unraisablehook = _quieted
