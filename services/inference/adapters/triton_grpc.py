"""The running Triton over its gRPC interface (KServe v2)."""

import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.chassis import errors
from services.inference.domain.models import INPUT, OUTPUT, TOP, VALUES, ModelSpec, Signature, Tensor
from services.inference.ports import Answer

ADMIN_HEADER = "triton-grpc-protocol-admin-key"
"""gRPC adds the prefix to the key name `admin-key` that the server was started with."""
_RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]
_KINDS: dict[str, type[errors.MeshError]] = {
    "StatusCode.UNAVAILABLE": errors.Unavailable,
    "StatusCode.DEADLINE_EXCEEDED": errors.Unavailable,
    "StatusCode.CANCELLED": errors.Unavailable,
    "StatusCode.NOT_FOUND": errors.NotFound,
    "StatusCode.INVALID_ARGUMENT": errors.Invalid,
}
T = TypeVar("T")


class TritonClient:
    """Asks one Triton. With an admin key it loads models itself; without, somebody else must have done so."""

    def __init__(self, address: str, admin_key: str, *, call_deadline_s: float, load_deadline_s: float) -> None:
        self._address = address
        self._client: Any = InferenceServerClient(address, channel_args=_RECONNECT)
        self._admin = {ADMIN_HEADER: admin_key} if admin_key else {}
        self._call_deadline_s = call_deadline_s
        self._load_deadline_s = load_deadline_s

    async def start(self) -> None:
        """Nothing to do: the channel connects by itself."""

    async def stop(self) -> None:
        """Close the channel."""
        await self._client.close()

    async def live(self) -> bool:
        """Whether it answers at all."""
        try:
            return bool(await self._client.is_server_live(client_timeout=self._call_deadline_s))
        except InferenceServerException:
            return False

    async def load(self, model: str) -> None:
        """Load it, or check that somebody has. Raises a MeshError with Triton's reason."""
        if self._admin:
            deadline_s = self._load_deadline_s
            await _typed(self._client.load_model(model, headers=self._admin, client_timeout=deadline_s))
        elif not await _typed(self._client.is_model_ready(model, client_timeout=self._call_deadline_s)):
            fix = "give it this service's staging folder as its model repository and load it there, or see its log"
            raise errors.NotFound(f"Triton at {self._address} does not serve it", field=f"model {model}", fix=fix)

    async def unload(self, model: str) -> None:
        """Stop serving it, where loading it was ours. Raises a MeshError."""
        if self._admin:
            deadline_s = self._call_deadline_s
            await _typed(self._client.unload_model(model, headers=self._admin, client_timeout=deadline_s))

    async def signature(self, model: str) -> Signature:
        """What the model takes and gives."""
        metadata = await _typed(self._client.get_model_metadata(model, client_timeout=self._call_deadline_s))
        return Signature(_tensors(metadata.inputs), _tensors(metadata.outputs))

    async def served(self, model: str) -> int:
        """How many requests it has answered so far. Raises NotFound when it is not loaded."""
        call = self._client.get_inference_statistics(model, client_timeout=self._call_deadline_s)
        try:
            statistics = await _typed(call)
        except errors.Invalid as error:  # Triton's answer for a model without a served version
            raise errors.NotFound(error.message) from error
        return sum(int(version.inference_stats.success.count) for version in statistics.model_stats)

    async def infer(self, name: str, spec: ModelSpec, deadline_s: float) -> Answer:
        """Ask about a black picture. Raises Bug when the answer is empty (a stub under NumPy 2) or not finite."""
        images = InferInput(INPUT, [1, 2, spec.height_px, spec.width_px], "UINT8")
        images.set_data_from_numpy(np.zeros(images.shape(), np.uint8))
        started = time.perf_counter()
        outputs = [InferRequestedOutput(OUTPUT)]
        result = await _typed(self._client.infer(name, [images], outputs=outputs, client_timeout=deadline_s))
        duration_ms = (time.perf_counter() - started) * 1000
        detections = result.as_numpy(OUTPUT)
        if detections is None or detections.shape != (1, TOP, VALUES) or not np.isfinite(detections).all():
            shape = getattr(detections, "shape", None)
            fix = "see the model's log; if NumPy was updated, see backend/model.py"
            raise errors.Bug(f"unusable answer of shape {shape}", field=f"model {name}", fix=fix)
        return Answer(result.get_response().model_version, duration_ms)


async def _typed(call: Awaitable[T]) -> T:
    try:
        return await call
    except InferenceServerException as error:
        kind = _KINDS.get(error.status() or "", errors.Bug)
        raise kind(f"Triton: {error.message()}") from None


def _tensors(described: Any) -> tuple[Tensor, ...]:
    return tuple(Tensor(tensor.name, tensor.datatype, tuple(tensor.shape)) for tensor in described)
