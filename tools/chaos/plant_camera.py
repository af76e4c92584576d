"""A camera at a line that breaks: frames are overtaken and sent twice, its clock is wrong, and it gives none up."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_service_pb2, inspection_service_pb2_grpc
from jidoka.verdict.v1 import verdict_pb2

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.backoff import Backoff
from services.chassis.errors import Bug, Exhausted, MeshError, Unavailable
from services.chassis.run import cancel
from services.contracts.instant import timestamp
from services.contracts.plant import Place
from tools.chaos.ledgers import Span
from tools.chaos.plant_book import Book, Making
from tools.demo.boards import Board

_DEADLINE_S, _LONGEST_PAUSE_S = 5.0, 1.0
_WINDOW = 12
_OVERTAKEN, _TWICE = 0.05, 0.05
_DELAY_S = (0.3, 1.2)
_AGAIN = (Unavailable, Exhausted, Bug)
_FIELDS = frame_pb2.Frame.DESCRIPTOR.fields_by_name


@dataclass(frozen=True)
class Pictures:
    """What the cameras see, drawn beforehand: a machine makes good parts, or parts with the one defect `label`."""

    good: Sequence[Board]
    bad: Sequence[Board]
    label: str
    goldens: Mapping[str, bytes]


@dataclass(eq=False)
class PlantCamera:
    """One camera at one station."""

    place: Place
    lot_id: str
    channel: grpc.aio.Channel
    token: TokenSource
    pictures: Pictures
    book: Book
    draw: random.Random
    clock_off_s: float = 0.0
    """How wrong its clock is."""
    _number: int = 0
    _pending: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._stub = inspection_service_pb2_grpc.InspectionServiceStub(self.channel)
        self._room = asyncio.Semaphore(_WINDOW)

    async def work(
        self,
        period_s: float,
        run_every: int,
        first_run: int,
        running: Callable[[], bool],
        away: Callable[[], list[Span]],
        over: asyncio.Event,
    ) -> None:
        """Make parts while the line runs, until it is over; then finish the run that is open. To be cancelled."""
        making: Making | None = None
        while not over.is_set() or making:
            if making and (not running() or self.book.overdue(making, away())):
                making.ended_at, making = time.time(), None
                continue
            if not running():
                await asyncio.sleep(period_s / 4)
                continue
            await self._room.acquire()
            self._number += 1
            if not making and self._number % run_every == first_run and not over.is_set():
                making = Making(self.place.station, self._number, time.time())
                self.book.making.append(making)
            self._shoot(self.pictures.bad if making else self.pictures.good)
            await asyncio.sleep(period_s * self.draw.uniform(0.7, 1.3))

    async def drain(self, deadline_s: float) -> int:
        """Wait for the answers that are still due; how many never came."""
        if not self._pending:
            return 0
        _, due = await asyncio.wait(self._pending, timeout=deadline_s)
        await cancel(*due)
        return len(due)

    def _shoot(self, boards: Sequence[Board]) -> None:
        board = boards[self._number % len(boards)]
        self.book.frames += 1
        task = asyncio.create_task(self._deliver(self._number, board, time.time()))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _deliver(self, number: int, board: Board, captured_at: float) -> None:
        off_s = self.clock_off_s  # one clock for all that is said about a frame, however long it takes
        try:
            frame = frame_pb2.Frame(
                inspection_id=f"{self.lot_id}-{number:06d}",
                station=frame_pb2.StationPath(site=self.place.site, line=self.place.line, station=self.place.station),
                part=frame_pb2.PartRef(lot_id=self.lot_id, part_sequence=number, product_id=board.product_id),
                image=board.image,
                captured_at=timestamp(captured_at + off_s),
            )
            if self.draw.random() < _OVERTAKEN:
                await asyncio.sleep(self.draw.uniform(*_DELAY_S))
            times = 2 if self.draw.random() < _TWICE else 1
            self.book.resent += times - 1
            await asyncio.gather(*(self.until_answered(number, frame, off_s) for _ in range(times)))
        finally:
            self._room.release()

    async def until_answered(
        self, number: int, frame: frame_pb2.Frame, clock_off_s: float = 0.0
    ) -> verdict_pb2.Verdict | None:
        """Send it until there is a verdict, which is noted; None: it was refused for good, which is noted, too."""
        backoff = Backoff(0.05, _LONGEST_PAUSE_S)
        while True:
            try:
                verdict = await self.send(frame, clock_off_s)
            except _AGAIN as error:
                if isinstance(error, Bug):
                    self.book.refused[f"bug: {error.message}"[:200]] += 1
            except MeshError as error:
                self.book.refused[f"{error.kind}: {error.message}"[:200]] += 1
                return None
            else:
                self.book.answered(self.place.station, number, self.pictures.label, verdict)
                return verdict
            self.book.resent += 1
            await backoff.wait()

    async def send(self, frame: frame_pb2.Frame, clock_off_s: float = 0.0) -> verdict_pb2.Verdict:
        """One sending, by the clock by which the frame was taken; the verdict. Raises a MeshError."""
        request = inspection_service_pb2.InspectRequest(frame=frame)
        if "sent_at" in _FIELDS:
            at: dict[str, Any] = {"sent_at": timestamp(time.time() + clock_off_s)}
            request.frame.MergeFrom(frame_pb2.Frame(**at))
        answer: inspection_service_pb2.InspectResponse = await rpc.call(
            self._stub.Inspect, request, deadline_s=_DEADLINE_S, token=self.token, name="send frame"
        )
        return answer.verdict
