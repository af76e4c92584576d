"""The frames of an ordeal of verdicts: sent once, twice, much later; and what others send under their ids."""

import asyncio
import contextlib
import hashlib
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx
from jidoka.frame.v1 import frame_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.backoff import Backoff
from services.chassis.errors import Bug, Conflict, Exhausted, Unavailable
from services.contracts.instant import now
from tools.chaos.plant_camera import PlantCamera
from tools.chaos.plant_recovery import Report
from tools.chaos.verdicts_plan import AHEAD, Shot, Treatment
from tools.demo.boards import Board

_AT_ONCE = 6
_IN_USE = 100_000
_LOOK_S = 0.1
_EVIDENCE_S, _STILL_THERE_S = 5.0, 60.0
_AGAIN = (Unavailable, Exhausted, Bug)


@dataclass
class Frames:
    """One camera's work."""

    camera: PlantCamera
    people: httpx.AsyncClient
    reached: Callable[[], float]
    """The frame at which something happens that is not over yet."""
    found: Counter[str] = field(default_factory=Counter)
    _made: int = 0
    _later: list[tuple[int, int, frame_pb2.Frame]] = field(default_factory=list)

    @property
    def made(self) -> int:
        """Frames so far."""
        return self._made

    async def make(self, plan: Sequence[Shot], report: Report) -> None:
        """All frames, some at a time; then what is still to come again."""
        waiting = list(reversed(plan))

        async def work() -> None:
            while waiting:
                shot = waiting.pop()
                while shot.number > self.reached() + AHEAD:  # noqa: ASYNC110  # a number sets no event
                    await asyncio.sleep(_LOOK_S)
                await self._treat(shot)
                self._made += 1
                self.camera.book.frames += 1
                report("frames", self._made)
                await self._again(self._made)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
        await self._again(_IN_USE)

    async def _again(self, made: int) -> None:
        while self._later and self._later[0][0] <= made:
            _, number, frame = heapq.heappop(self._later)
            await self.camera.until_answered(number, frame)
            self.camera.book.resent += 1

    async def _treat(self, shot: Shot) -> None:
        board = self._board(shot.number, shot.defective)
        frame = self._frame(shot.number, board)
        if shot.treatment is Treatment.TWICE:
            self.camera.book.resent += 1
            await asyncio.gather(*(self.camera.until_answered(shot.number, frame) for _ in range(2)))
            return
        verdict = await self.camera.until_answered(shot.number, frame)
        if shot.treatment is Treatment.LATER:
            heapq.heappush(self._later, (self._made + shot.later, shot.number, frame))
        elif verdict is not None and shot.treatment is not Treatment.ONCE:
            await self._intrude(shot, frame, verdict)

    async def _intrude(self, shot: Shot, frame: frame_pb2.Frame, verdict: verdict_pb2.Verdict) -> None:
        """Somebody else uses the id: refused, and what the first one left behind can be read as before."""
        other = frame_pb2.Frame.FromString(frame.SerializeToString())
        if shot.treatment is Treatment.OTHER_PICTURE:
            other.image = self._board(shot.number + 1, shot.defective).image
        else:
            other.part.part_sequence += _IN_USE
        kept = verdict.outcome != verdict_pb2.OUTCOME_PASS and await self._readable(frame, _EVIDENCE_S)
        try:
            answer = await _definitely(lambda: self.camera.send(other))
        except Conflict:
            self.found["conflicts_refused"] += 1
        else:
            self.found["conflicts_accepted"] += 1
            self.camera.book.answered(self.camera.place.station, shot.number, "", answer)
        if kept:
            self.found["evidence_checked"] += 1
            self.found["evidence_spoilt"] += not await self._readable(frame, _STILL_THERE_S, final=(404, 409))

    async def _readable(self, frame: frame_pb2.Frame, patience_s: float, final: Sequence[int] = ()) -> bool:
        """Whether the picture of a part is there, and is the one that the camera sent first."""
        url, wanted = f"/v1/inspections/{frame.inspection_id}/image", hashlib.sha256(frame.image).digest()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        answer = await self.people.get(url, params={"station": str(self.camera.place)})
                        if answer.status_code == httpx.codes.OK:
                            return hashlib.sha256(answer.content).digest() == wanted
                        if answer.status_code in final:
                            return False
                    await asyncio.sleep(_LOOK_S)
        return False

    def _board(self, number: int, defective: bool) -> Board:
        boards = self.camera.pictures.bad if defective else self.camera.pictures.good
        return boards[number % len(boards)]

    def _frame(self, number: int, board: Board) -> frame_pb2.Frame:
        at, lot_id = self.camera.place, self.camera.lot_id
        return frame_pb2.Frame(
            inspection_id=f"{lot_id}-{number:06d}",
            station=frame_pb2.StationPath(site=at.site, line=at.line, station=at.station),
            part=frame_pb2.PartRef(lot_id=lot_id, part_sequence=number, product_id=board.product_id),
            image=board.image,
            captured_at=now(),
        )


async def _definitely(ask: Callable[[], Awaitable[verdict_pb2.Verdict]]) -> verdict_pb2.Verdict:
    """Until there is an answer that is one. Raises what the mesh has against the frame."""
    backoff = Backoff(0.05, 1.0)
    while True:
        try:
            return await ask()
        except _AGAIN:
            await backoff.wait()
