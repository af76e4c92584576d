"""Which model files are served, asked of the inference service every few seconds: every verdict names them."""

import asyncio
import logging
import random
from typing import Any

import grpc
from jidoka.model.v1 import model_service_pb2, model_service_pb2_grpc

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.errors import MeshError, Unavailable
from services.chassis.run import cancel, spawn
from services.preprocessing.domain.frame import ServedModel

log = logging.getLogger("jidoka.models")
_EVERY_S = 2.0
_DEADLINE_S = 2.0


class Models:
    """The models that are READY, by name."""

    def __init__(self, channel: grpc.aio.Channel, token: TokenSource) -> None:
        self._channel = channel
        self._stub = model_service_pb2_grpc.ModelServiceStub(channel)
        self._token = token
        self._served: dict[str, ServedModel] = {}
        self._detail = "inference has not answered yet"
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._ask_forever(), "models")

    async def stop(self) -> None:
        await cancel(self._task)
        await self._channel.close()

    def any_ready(self) -> bool:
        """Whether at least one model is served."""
        return bool(self._served)

    def served(self, name: str) -> ServedModel:
        """The served model of that name. Raises Unavailable with what inference says about it."""
        model = self._served.get(name)
        if model is None:
            raise Unavailable(f"model {name} is not served: {self._detail}", fix="send again; see `jidoka status`")
        return model

    async def _ask_forever(self) -> None:
        while True:
            try:
                request = model_service_pb2.ListModelsRequest()
                answer = await rpc.call(self._stub.ListModels, request, deadline_s=_DEADLINE_S, token=self._token)
                self._take(answer.models)
            except MeshError as error:
                # What was served stays served: Triton itself tells soon enough when it is not.
                self._detail = str(error)
            await asyncio.sleep(_EVERY_S * random.uniform(0.8, 1.2) if self._served else 0.2)

    def _take(self, models: Any) -> None:
        for m in models:
            if m.state == model_service_pb2.MODEL_STATE_READY:
                served = ServedModel(m.name, m.version, m.digest, tuple(m.labels), m.served_name)
                if served != self._served.get(m.name):
                    log.info("model %s version %s is served as %s", m.name, m.version, m.served_name)
                self._served[m.name] = served
        self._detail = "; ".join(m.detail for m in models if m.detail) or "it is still loading"
