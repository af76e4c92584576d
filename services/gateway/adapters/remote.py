"""The other services as the gateway calls them."""

import asyncio
import hashlib
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc
from jidoka.model.v1 import model_service_pb2, model_service_pb2_grpc
from nats.errors import Error as NatsError

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.contracts.subjects import GOLDENS

_INSPECT_DEADLINE_S = 10.0
_DEADLINE_S = 3.0


class RemoteInspection:
    """InspectionService over gRPC."""

    def __init__(self, channel: grpc.aio.Channel, token: TokenSource) -> None:
        self._stub = inspection_service_pb2_grpc.InspectionServiceStub(channel)
        self._token = token

    async def inspect(self, frame: frame_pb2.Frame) -> dict[str, Any]:
        """The verdict on a frame. Raises a MeshError."""
        request = inspection_service_pb2.InspectRequest(frame=frame)
        answer = await rpc.call(self._stub.Inspect, request, deadline_s=_INSPECT_DEADLINE_S, token=self._token)
        return MessageToDict(answer.verdict)


class RemoteModels:
    """ModelService over gRPC."""

    def __init__(self, channel: grpc.aio.Channel, token: TokenSource) -> None:
        self._stub = model_service_pb2_grpc.ModelServiceStub(channel)
        self._token = token

    async def list(self) -> list[dict[str, Any]]:
        """All models with their state. Raises Unavailable."""
        request = model_service_pb2.ListModelsRequest()
        answer = await rpc.call(self._stub.ListModels, request, deadline_s=_DEADLINE_S, token=self._token)
        return [MessageToDict(model) for model in answer.models]


class StoredProducts:
    """Golden templates in the object store."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def put_golden(self, product_id: str, image: bytes) -> str:
        """Store a golden template; returns its SHA-256. Raises Unavailable."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                store = await self._bus.jetstream.object_store(GOLDENS)
                await store.put(product_id, image)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the object store does not answer: {error}", fix="send again") from error
        return hashlib.sha256(image).hexdigest()
