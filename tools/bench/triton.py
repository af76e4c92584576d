"""A real Triton of our own on loopback, with the model under whatever configuration is to be measured."""

import asyncio
import contextlib
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.inference.adapters.triton_command import Command, Wheel
from services.inference.adapters.triton_grpc import ADMIN_HEADER
from services.inference.adapters.tritonserver import TritonServer
from services.inference.settings import Settings
from tools.ports import free_port

_START_DEADLINE_S = 30.0
_LOAD_DEADLINE_S = 30.0
_SHARED_BYTES = 16 << 20
_STOP_GRACE_S = 5.0
_POLL_S = 0.1
_TRIES = 20


@dataclass(frozen=True)
class Triton:
    """The running server and the key that opens its shared memory and model loading."""

    client: Any
    admin: dict[str, str]
    log_file: Path

    async def load(self, model: str, config: model_config_pb2.ModelConfig) -> None:
        """Serve `model` under `config` from now on. Raises InferenceServerException with Triton's reason."""
        given = json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True))
        await self.client.load_model(model, config=given, headers=self.admin, client_timeout=_LOAD_DEADLINE_S)

    async def forget(self, region: str) -> None:
        """Unregister shared memory; Triton answers a request before it lets go of the memory."""
        for _ in range(_TRIES):
            try:
                await self.client.unregister_system_shared_memory(region, headers=self.admin)
            except InferenceServerException:
                await asyncio.sleep(_POLL_S)
            else:
                return


def configuration(model: Path) -> model_config_pb2.ModelConfig:
    """What config.pbtxt in the folder of a model says. Raises ParseError naming line and column."""
    text = (model / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@asynccontextmanager
async def running(repository: Path, config_name: str = "") -> AsyncIterator[Triton]:
    """A Triton without any model yet. Raises MeshError or TimeoutError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="jidoka-bench-") as folder:
        command, log_file = _command(repository, Path(folder), config_name), Path(folder, "tritonserver.log")
        backend = Settings.model_fields["backend_dir"].default
        server = TritonServer(
            Wheel.installed(), command, backend, log_file, stop_grace_s=2 * _STOP_GRACE_S, watch_interval_s=_POLL_S
        )
        client = InferenceServerClient(command.address)
        try:
            await server.start()
            async with asyncio.timeout(_START_DEADLINE_S):
                await _live(client)
            yield Triton(client, {ADMIN_HEADER: command.admin_key}, log_file)
        finally:
            await client.close()
            await server.stop()


def _command(repository: Path, folder: Path, config_name: str) -> Command:
    return Command(
        binary=Wheel.installed().binary,
        repository=repository.resolve(),
        backends=folder / "backends",
        address=f"127.0.0.1:{free_port()}",
        admin_key=secrets.token_urlsafe(24),
        shm_prefix=f"jidoka_bench_{secrets.token_hex(6)}_",
        shm_bytes=_SHARED_BYTES,
        exit_timeout_s=int(_STOP_GRACE_S),
        config_name=config_name,
    )


async def _live(client: Any) -> None:
    while True:
        with contextlib.suppress(InferenceServerException):  # not up yet; the caller's deadline ends the wait
            if await client.is_server_live():
                return
        await asyncio.sleep(_POLL_S)
