"""Triton forgets our region when it is restarted, and keeps one that is in use: no frame is lost between the two."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from services.chassis.errors import Unavailable
from services.preprocessing.adapters import triton
from services.preprocessing.domain.frame import ServedModel

PICTURE = np.zeros((4, 4), np.uint8)
MODEL = ServedModel("pcb", "1", "digest", ("open",))


class Server:
    """Triton's shared-memory manager: a region in use is let go of later, and until then cannot be registered anew."""

    def __init__(self) -> None:
        self.known = self.going = False
        self.registrations = 0
        self.in_use = 0
        self.calls: list[asyncio.Future[None]] = []

    async def unregister_system_shared_memory(self, *_: object, **__: object) -> None:
        self.going = self.known and self.in_use > 0
        self.known = self.known and self.going

    async def register_system_shared_memory(self, *_: object, **__: object) -> None:
        if self.known:
            raise InferenceServerException(
                "shared memory region already in manager", status="StatusCode.ALREADY_EXISTS"
            )
        self.known, self.registrations = True, self.registrations + 1

    async def infer(self, *_: object, **__: object) -> SimpleNamespace:
        """Waits until the test lets it go on, and then answers by what Triton knew when it came."""
        known = self.known and not self.going
        self.in_use += known
        self.calls.append(asyncio.get_running_loop().create_future())
        try:
            await self.calls[-1]
        finally:
            self.in_use -= known
        if not known:
            message = "Unable to find shared memory region: 'frames'"
            raise InferenceServerException(message, status="StatusCode.INVALID_ARGUMENT")
        return SimpleNamespace(as_numpy=lambda _: np.zeros((1, 1, 6), np.float32))

    def restart(self) -> None:
        self.known = False

    async def called(self, times: int) -> None:
        async with asyncio.timeout(5):
            while len(self.calls) < times:  # noqa: ASYNC110 - it looks from outside
                await asyncio.sleep(0)


class Slots:
    name, byte_size = "frames", 64

    def take(self) -> "Slots":
        return self

    async def __aenter__(self) -> tuple[int, np.ndarray]:
        return 0, np.zeros(64, np.uint8)

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(triton, "InferenceServerClient", lambda _: server)
    return server


def detecting(detector: triton.TritonDetector, number: int) -> asyncio.Task:
    return asyncio.create_task(detector.detect(MODEL, PICTURE, PICTURE, str(number)))


async def test_two_frames_around_a_restart_are_both_answered_and_register_once(server: Server) -> None:
    """The second failure belongs to the registration before: it must not take away the one that was just made."""
    detector = triton.TritonDetector("nowhere", "key", None, Slots(), 2.0)
    server.restart()
    first, second = detecting(detector, 1), detecting(detector, 2)
    await server.called(2)
    for call in server.calls[:2]:
        call.set_result(None)
    await asyncio.gather(first, second)

    server.restart()
    first, second = detecting(detector, 3), detecting(detector, 4)
    await server.called(4)
    server.calls[2].set_result(None)  # the first one fails, registers anew and is at Triton again
    await server.called(5)
    server.calls[3].set_result(None)  # only now the second one fails
    await server.called(6)
    for call in server.calls[4:]:
        call.set_result(None)

    assert await asyncio.gather(first, second) == [(), ()]
    assert server.registrations == 2


async def test_a_region_that_triton_still_holds_is_a_reason_to_send_again(server: Server) -> None:
    """ALREADY_EXISTS ended as INTERNAL, which no camera sends again."""
    detector = triton.TritonDetector("nowhere", "key", None, Slots(), 2.0)
    server.known, server.in_use = True, 1

    with pytest.raises(Unavailable, match="send again"):
        await detector.detect(MODEL, PICTURE, PICTURE, "1")


async def test_a_region_that_is_forgotten_twice_is_a_reason_to_send_again(server: Server) -> None:
    """Two restarts within one frame."""
    detector = triton.TritonDetector("nowhere", "key", None, Slots(), 2.0)
    frame = detecting(detector, 1)
    for number in range(2):
        await server.called(number + 1)
        forgotten = InferenceServerException("no such shared memory region", status="StatusCode.INVALID_ARGUMENT")
        server.calls[number].set_exception(forgotten)

    with pytest.raises(Unavailable):
        await frame
