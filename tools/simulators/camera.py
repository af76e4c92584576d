"""A line camera over real gRPC: numbers its parts, keeps each frame until its verdict is durable, never gives one up.

A frame whose answer is UNAVAILABLE or lost is sent again under the same inspection id. No more than `window` parts are
on their way at once, and part n waits for part n - window: what the rules must put back in order stays small.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc
from jidoka.verdict.v1 import verdict_pb2

from services.chassis import rpc, telemetry
from services.chassis.auth import TokenSource
from services.chassis.backoff import Backoff
from services.chassis.errors import Exhausted, Unavailable
from services.contracts.instant import now
from services.contracts.plant import Place

_DEADLINE_S = 5.0
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True)
class Answer:
    """A durable verdict, how long it took from the shutter on, and how often the frame was sent."""

    verdict: verdict_pb2.Verdict
    total_ms: float
    attempts: int


class Camera:
    """One camera at one station, in one lot."""

    def __init__(
        self, channel: grpc.aio.Channel, token: TokenSource, place: Place, lot_id: str, window: int = 4
    ) -> None:
        self._stub = inspection_service_pb2_grpc.InspectionServiceStub(channel)
        self._token = token
        self._place = place
        self._lot_id = lot_id
        self._sequence = 0
        self._done: dict[int, asyncio.Event] = {0: asyncio.Event()}
        self._done[0].set()
        self._window = window

    async def shoot(
        self, product_id: str, image: bytes, give_up_s: float, context: Mapping[str, str] | None = None
    ) -> Answer:
        """Photograph the next part; `context` says where it comes from (cavity, tool, supplier).

        Raises Unavailable after `give_up_s`, or what the mesh has against the frame.
        """
        self._sequence += 1
        number = self._sequence
        done = self._done[number] = asyncio.Event()
        await self._done[max(0, number - self._window)].wait()
        self._done.pop(number - self._window - 1, None)
        try:
            return await self._deliver(self._frame(number, product_id, image, context or {}), give_up_s)
        finally:
            done.set()

    def _frame(self, number: int, product_id: str, image: bytes, context: Mapping[str, str]) -> frame_pb2.Frame:
        return frame_pb2.Frame(
            inspection_id=f"{self._lot_id}-{number:06d}",
            station=frame_pb2.StationPath(site=self._place.site, line=self._place.line, station=self._place.station),
            part=frame_pb2.PartRef(lot_id=self._lot_id, part_sequence=number, product_id=product_id),
            image=image,
            captured_at=now(),
            context=context,
        )

    async def _deliver(self, frame: frame_pb2.Frame, give_up_s: float) -> Answer:
        request = inspection_service_pb2.InspectRequest(frame=frame)
        started, backoff, attempts = time.perf_counter(), Backoff(0.05, _LONGEST_PAUSE_S), 0
        with telemetry.span("camera", inspection_id=frame.inspection_id):
            while True:
                attempts += 1
                request.frame.sent_at.CopyFrom(now())  # at each sending: by it the door knows how old the picture is
                try:
                    answer = await rpc.call(
                        self._stub.Inspect, request, deadline_s=_DEADLINE_S, token=self._token, name="send frame"
                    )
                    return Answer(answer.verdict, (time.perf_counter() - started) * 1000, attempts)
                except (Unavailable, Exhausted):
                    if time.perf_counter() - started > give_up_s:
                        raise
                await backoff.wait()
