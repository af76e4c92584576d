"""Bad frames and bad tokens through the real door: each gets its typed error, and the mesh goes on."""

import struct
import time
import zlib

import grpc
import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc
from jidoka.verdict.v1 import verdict_pb2
from plant_line import Line

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.errors import MeshError

pytestmark = pytest.mark.timeout(180)


def png_bomb() -> bytes:
    """100 megapixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


class Door:
    """Sends one frame with any token, and says what the door said."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.stub = inspection_service_pb2_grpc.InspectionServiceStub(line.channel)
        self.lot = f"bad-{time.time_ns()}"
        self.parts = 0

    def frame(self, image: bytes | None = None, **changed) -> frame_pb2.Frame:
        self.parts += 1
        place = self.line.place
        station = {"site": place.site, "line": place.line, "station": place.station} | changed.pop("at", {})
        board = self.line.source.good(self.parts)  # another picture each time, or the camera would count as frozen
        part = {"lot_id": self.lot, "part_sequence": self.parts, "product_id": board.product_id}
        return frame_pb2.Frame(
            inspection_id=f"{self.lot}-{self.parts}",
            station=frame_pb2.StationPath(**station),
            part=frame_pb2.PartRef(**part),
            image=board.image if image is None else image,
            **changed,
        )

    async def send(self, frame: frame_pb2.Frame, authorization: str | None) -> str:
        metadata = [("authorization", authorization)] if authorization else []
        request = inspection_service_pb2.InspectRequest(frame=frame)
        try:
            answer = await self.stub.Inspect(request, timeout=10, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            typed: MeshError = rpc.from_rpc(error)
            return f"{error.code().name} {typed.field}: {typed.message} | {typed.fix}"
        return verdict_pb2.Outcome.Name(answer.verdict.outcome)

    async def good(self) -> str:
        return await self.send(self.frame(), await self.line.token.authorization())


@pytest.fixture
async def door(line: Line) -> Door:
    door = Door(line)
    for number in range(1, 40):
        line.source.good(number)  # real images register the products that were drawn
    await line.register()
    assert await door.good() == "OUTCOME_PASS"
    return door


async def test_bad_pictures_and_wrong_names_are_refused_with_field_and_fix_and_the_mesh_goes_on(door: Door):
    token = await door.line.token.authorization()
    whole = door.frame().image
    cases = {
        "a truncated picture": (
            door.frame(whole[: len(whole) // 2]),
            "INVALID_ARGUMENT frame.image: the image is broken",
        ),
        "a bomb": (door.frame(png_bomb()), "INVALID_ARGUMENT frame.image: the image has 10000x10000 pixels"),
        "a text file": (door.frame(b"hello " * 100), "INVALID_ARGUMENT frame.image: the image is neither PNG nor JPEG"),
        "nothing": (door.frame(b""), "INVALID_ARGUMENT frame.image: the image is empty"),
        "too many bytes": (door.frame(b"\0" * ((8 << 20) + 1)), "INVALID_ARGUMENT frame.image: the image has"),
        "a wrong station": (door.frame(at={"station": "aoi9"}), "NOT_FOUND frame.station: no station lyon/smt1/aoi9"),
        "a wrong recipe": (door.frame(recipe="glass"), "NOT_FOUND frame.recipe: station"),
    }
    for what, (frame, says) in cases.items():
        said = await door.send(frame, token)
        assert said.startswith(says), f"{what}: {said}"
        assert said.split(" | ")[1], f"{what}: no fix"
        assert await door.good() == "OUTCOME_PASS", f"after {what} the mesh stands still"


async def test_tokens_that_do_not_open_the_door(door: Door, mint, state):
    scopeless = TokenSource(state.url("issuer"), "demo", state.secret("demo.client-secret"), ("result.read",))
    cases = {
        "none": (None, "UNAUTHENTICATED authorization"),
        "no token at all": ("Bearer not.a.token", "UNAUTHENTICATED authorization"),
        "expired": (f"Bearer {mint(exp=int(time.time()) - 60)}", "UNAUTHENTICATED authorization: token refused"),
        "another audience": (f"Bearer {mint(aud='urn:other')}", "UNAUTHENTICATED authorization: token refused"),
        "another issuer": (f"Bearer {mint(iss='http://127.0.0.1:1')}", "UNAUTHENTICATED authorization: token refused"),
        "without the scope": (await scopeless.authorization(), "PERMISSION_DENIED scope: demo lacks the scope"),
        "another camera": (f"Bearer {mint(azp='camera-of-line-2')}", "PERMISSION_DENIED frame.station"),
    }
    await scopeless.close()
    for what, (authorization, says) in cases.items():
        said = await door.send(door.frame(), authorization)
        assert said.startswith(says), f"{what}: {said}"
    assert (
        await door.send(door.frame(), f"Bearer {mint()}") == "OUTCOME_PASS"
    )  # the control: only what was changed counts


async def test_a_stream_answers_a_bad_frame_with_its_error_and_goes_on(door: Door):
    frames = [door.frame(), door.frame(b"no picture"), door.frame()]

    async def requests():
        for frame in frames:
            yield inspection_service_pb2.InspectStreamRequest(frame=frame)

    metadata = [("authorization", await door.line.token.authorization())]
    call = door.stub.InspectStream(requests(), timeout=20, metadata=metadata)
    answers = [answer async for answer in call]

    assert [a.inspection_id for a in answers] == [f.inspection_id for f in frames]
    assert [a.error.code for a in answers] == ["", "INVALID_ARGUMENT", ""]
    assert answers[1].error.field == "frame.image"
