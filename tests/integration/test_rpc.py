"""gRPC as every service uses it: tokens end streams too, and no client sticks to one server."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from jidoka.inspection.v1 import inspection_service_pb2 as wire
from jidoka.inspection.v1 import inspection_service_pb2_grpc

from services.chassis import auth, rpc
from services.chassis.auth import Principal

SERVICE = "/jidoka.inspection.v1.InspectionService"
SCOPES = {f"{SERVICE}/Inspect": "submit", f"{SERVICE}/InspectStream": "submit"}


class Verifier:
    """Believes everybody, until `expires_at_s`."""

    expires_at_s = 1_000.0

    async def warm(self) -> None: ...

    async def verify(self, authorization: str) -> Principal:
        return Principal("camera", "camera", frozenset({"submit"}), frozenset(), self.expires_at_s)


class Door(inspection_service_pb2_grpc.InspectionServiceServicer):
    def __init__(self) -> None:
        self.peers: list[str] = []

    async def Inspect(self, request, context):  # noqa: N802
        self.peers.append(context.peer())
        return wire.InspectResponse()

    async def InspectStream(self, requests, context):  # noqa: N802
        async for request in requests:
            yield wire.InspectStreamResponse(inspection_id=request.frame.inspection_id)


Serve = Callable[..., "asyncio.Future[tuple[rpc.Server, Door]]"]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[rpc.Server] = []

    async def start(**options) -> tuple[rpc.Server, Door]:
        server, door = rpc.Server("127.0.0.1:0", Verifier(), SCOPES, drain_s=0.1, **options), Door()
        inspection_service_pb2_grpc.add_InspectionServiceServicer_to_server(door, server.grpc)
        await server.start()
        running.append(server)
        return server, door

    yield start
    for server in running:
        await server.stop()


async def test_a_stream_ends_when_its_token_has_expired(serve, monkeypatch):
    now_s = 0.0
    monkeypatch.setattr(auth, "_now_s", lambda: now_s)
    server, _ = await serve()
    async with rpc.channel(f"127.0.0.1:{server.port}") as channel:
        stub = inspection_service_pb2_grpc.InspectionServiceStub(channel)
        stream = stub.InspectStream()
        await stream.write(wire.InspectStreamRequest())
        assert isinstance(await stream.read(), wire.InspectStreamResponse)

        now_s = Verifier.expires_at_s + 60
        await stream.write(wire.InspectStreamRequest())
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
    assert ended.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "expired" in ended.value.details()


async def test_calls_go_to_every_server_and_past_one_that_died(serve):
    (one, first), (other, second) = await serve(), await serve()
    async with rpc.channel(f"ipv4:127.0.0.1:{one.port},127.0.0.1:{other.port}") as channel:
        stub = inspection_service_pb2_grpc.InspectionServiceStub(channel)
        async with asyncio.timeout(60):
            while not (first.peers and second.peers):
                await rpc.call(stub.Inspect, wire.InspectRequest(), deadline_s=30)

        await one.stop()
        served = len(second.peers)
        async with asyncio.timeout(60):
            while len(second.peers) < served + 10:
                try:
                    await rpc.call(stub.Inspect, wire.InspectRequest(), deadline_s=30)
                except rpc.errors.Unavailable:  # the one call that met the dying server is sent again
                    continue


async def test_a_connection_ends_after_a_while_so_that_new_servers_are_found(serve):
    server, door = await serve(max_connection_age_s=0.5)
    async with rpc.channel(f"127.0.0.1:{server.port}") as channel, asyncio.timeout(60):
        stub = inspection_service_pb2_grpc.InspectionServiceStub(channel)
        while len(set(door.peers)) < 3:  # no call fails meanwhile
            await rpc.call(stub.Inspect, wire.InspectRequest(), deadline_s=30)
