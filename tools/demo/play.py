"""Plays a script on the line: boards at a rate while the line runs; the operator mends and resumes what was stopped."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.chassis.errors import MeshError
from tools.demo.boards import Board
from tools.demo.script import Script
from tools.simulators.camera import Answer, Camera
from tools.simulators.line_operator import EXECUTE, HELD, LineOperator

_GIVE_UP_S = 60.0
"""A mesh that is away for longer than its supervisor needs is a failed demo."""
_MENDING_S = 1.0


@dataclass
class Record:
    """What happened so far."""

    answers: list[tuple[Board, Answer]] = field(default_factory=list)
    refused: list[tuple[Board, MeshError]] = field(default_factory=list)
    stops: int = 0
    phase: str = "running"


@dataclass
class Player:
    """One camera, one line, one operator. `seen` is called after every board."""

    camera: Camera
    operator: LineOperator
    rate: float
    seen: Callable[[Record], None]
    record: Record = field(default_factory=Record)

    async def play(self, script: Script) -> Record:
        """The whole script. Raises TimeoutError when the line does not come back."""
        await self.operator.until(EXECUTE, deadline_s=_GIVE_UP_S)
        await self._make(script.before, "running")
        # A machine goes on making its defect until it is stopped; but a demo must end.
        wrong = itertools.islice(itertools.cycle(script.wrong), round(self.rate * _GIVE_UP_S))
        await self._make(wrong, "the machine makes one defect")
        await self._mend()
        missing = len(script.before) + len(script.after) - len(self.record.answers)
        await self._make(script.after[: max(missing, 1)], "mended")
        return self.record

    async def _make(self, boards: Iterable[Board], phase: str) -> None:
        """Make boards one after the other, until all are made or the line is stopped."""
        self.record.phase = phase
        under_way: set[asyncio.Task[None]] = set()
        stopped = self.record.stops
        for board in boards:
            if self.operator.state != EXECUTE:
                await self._wait_for_the_line()
            if self.record.stops != stopped:
                break
            task = asyncio.create_task(self._shoot(board))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(self._until_next())
        await asyncio.gather(*under_way)

    async def _wait_for_the_line(self) -> None:
        """A PLC that is merely away comes back by itself; a line that is held needs the operator."""
        await self.operator.until(EXECUTE, HELD, deadline_s=_GIVE_UP_S)
        if self.operator.state == HELD:
            self.record.stops += 1
            self.record.phase = "held"
            self.seen(self.record)

    async def _mend(self) -> None:
        """After a stop: look, mend, resume."""
        if not self.record.stops:
            return
        await asyncio.sleep(_MENDING_S)
        await self.operator.resume(_GIVE_UP_S)

    async def _shoot(self, board: Board) -> None:
        try:
            answer = await self.camera.shoot(board.product_id, board.image, _GIVE_UP_S)
            self.record.answers.append((board, answer))
        except MeshError as error:
            self.record.refused.append((board, error))
        self.seen(self.record)

    def _until_next(self) -> float:
        period_s = 1 / self.rate
        return period_s - time.monotonic() % period_s
