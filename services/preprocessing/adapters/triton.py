"""Triton as the detector: pairs through shared memory, candidates back, gone and back again without losing a frame."""

import asyncio
import logging
from typing import Any

import numpy as np
from tritonclient.grpc.aio import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from services.chassis import telemetry
from services.chassis.errors import Bug, MeshError, Unavailable
from services.preprocessing.adapters.models import Models
from services.preprocessing.adapters.shared_memory import Slots
from services.preprocessing.domain.frame import Candidate, Image, ServedModel

log = logging.getLogger("jidoka.triton")
# NOT_FOUND: inference vouches for the model, so Triton was just restarted and has not loaded it yet.
# ALREADY_EXISTS: a request still holds the region that Triton was told to let go of (B8).
_RETRIED = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "NOT_FOUND", "ALREADY_EXISTS")
_WORTH_A_RETRY = {f"StatusCode.{code}" for code in _RETRIED}
_FORGOTTEN = "shared memory region"
"""In Triton's refusal of a request whose region it does not know, because it was restarted."""
_MIN_SCORE = 0.01


class TritonDetector:
    """Sends `images` uint8 [1, 2, H, W]; reads `detections` float32 [1, N, 6]: x1 y1 x2 y2 score class."""

    def __init__(self, target: str, admin_key: str, models: Models, slots: Slots, deadline_s: float) -> None:
        self._client = InferenceServerClient(target)
        # Triton prefixes the header of a restricted protocol.
        self._admin = {"triton-grpc-protocol-admin-key": admin_key}
        self._models = models
        self._slots = slots
        self._deadline_s = deadline_s
        self._registration = 0
        """Counts how often Triton was told of the region; 0: not yet."""
        self._registering = asyncio.Lock()

    async def start(self) -> None:
        """Nothing yet: the region is registered with the first frame, and again whenever Triton forgot it."""

    async def stop(self) -> None:
        """Give the region back."""
        self._slots.close()
        await self._client.close()

    def served(self, model: str) -> ServedModel:
        """Which file answers under that name. Raises Unavailable while none does."""
        return self._models.served(model)

    async def detect(self, model: ServedModel, part: Image, golden: Image, request_id: str) -> tuple[Candidate, ...]:
        """Candidates for one pair. Raises Unavailable when Triton is away."""
        async with self._slots.take() as (offset, slot):
            pair = slot[: 2 * part.size].reshape(2, *part.shape)
            pair[0] = part
            pair[1] = golden
            try:
                return await self._infer(model, offset, pair.shape, request_id)
            except InferenceServerException as error:
                raise _typed(error) from error

    async def _infer(
        self, model: ServedModel, offset: int, shape: tuple[int, ...], request_id: str
    ) -> tuple[Candidate, ...]:
        images = InferInput("images", [1, *shape], "UINT8")
        images.set_shared_memory(self._slots.name, int(np.prod(shape)), offset)

        async def ask() -> Any:
            return await self._client.infer(
                model.served_name,
                [images],
                outputs=[InferRequestedOutput("detections")],
                request_id=request_id,
                client_timeout=self._deadline_s,
                headers=telemetry.inject(),
            )

        registration = self._registration or await self._register(0)
        try:
            result = await ask()
        except InferenceServerException as error:
            if _FORGOTTEN not in str(error.message()):
                raise
            await self._register(registration)
            result = await ask()
        return _candidates(result.as_numpy("detections")[0], model.labels)

    async def _register(self, failed: int) -> int:
        """Tell Triton of the region, unless another frame has done so since the registration that failed.

        Triton keeps a region that a request uses, and meanwhile takes no new one of that name: who registered again
        without need would fail, and the frame in use with him (B8).
        """
        async with self._registering:
            if self._registration != failed:
                return self._registration
            name, size = self._slots.name, self._slots.byte_size
            await self._client.unregister_system_shared_memory(
                name, headers=self._admin, client_timeout=self._deadline_s
            )
            await self._client.register_system_shared_memory(
                name, f"/{name}", size, headers=self._admin, client_timeout=self._deadline_s
            )
            self._registration += 1
            return self._registration


def _candidates(rows: np.ndarray, labels: tuple[str, ...]) -> tuple[Candidate, ...]:
    # Not `score >= least`: that is false for NaN, and a network that overflows would let every part pass.
    kept = rows[~(rows[:, 4] < _MIN_SCORE)].tolist()
    return tuple(Candidate(_label(labels, kind), x1, y1, x2, y2, score) for x1, y1, x2, y2, score, kind in kept)


def _label(labels: tuple[str, ...], kind: float) -> str:
    """The class's name; one that no recipe knows for a number that is none of a class."""
    return labels[int(kind)] if 0 <= kind < len(labels) else f"class {kind:g}"


def _typed(error: InferenceServerException) -> MeshError:
    if error.status() in _WORTH_A_RETRY or _FORGOTTEN in str(error.message()):
        return Unavailable(f"Triton: {error.message()}", fix="send again: the supervisor brings it back")
    return Bug(f"Triton refused the pair: {error.message()}")
