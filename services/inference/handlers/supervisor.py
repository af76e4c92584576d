"""The supervision: it gives the model server one life after another, and has every model looked at."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence

from prometheus_client import Counter

from services.chassis.errors import MeshError
from services.chassis.run import cancel, spawn
from services.inference.domain.models import ModelState, ModelStatus
from services.inference.domain.supervision import Decision, Phase, Policy, Sign, Supervision
from services.inference.handlers.watch import ModelWatch
from services.inference.ports import ModelServer, Triton

log = logging.getLogger("jidoka.inference")
RESTARTS = Counter("jidoka_model_server_restarts", "How often the model server had to be started again")


class Supervisor:
    """Starts the model server, watches it and starts it again, for ever."""

    def __init__(
        self,
        server: ModelServer,
        triton: Triton,
        models: Sequence[ModelWatch],
        policy: Policy,
        *,
        probe_interval_s: float,
        start_interval_s: float,
    ) -> None:
        self._server = server
        self._triton = triton
        self._models = models
        self._policy = policy
        self._probe_interval_s = probe_interval_s
        self._start_interval_s = start_interval_s
        self._state = Supervision()
        self._reason = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Supervise in the background: the service is up, and ready when its models are."""
        self._task = spawn(self._supervise(), "supervision of the model server")

    async def stop(self) -> None:
        """Stop watching, then stop the server."""
        await cancel(self._task)
        await self._server.stop()

    def ready(self) -> bool:
        """Whether every model of the plant answers."""
        return all(model.status.state is ModelState.READY for model in self._models)

    def statuses(self) -> list[ModelStatus]:
        """How each model does, in the order of the plant file."""
        return [model.status for model in self._models]

    async def _supervise(self) -> None:
        while True:
            try:
                reason = await self._one_life()
            except (MeshError, OSError) as error:
                reason = f"the model server cannot be started: {error}"
            for model in self._models:
                model.lost(reason)
            await self._server.kill()
            RESTARTS.inc()
            self._state = self._state.ended(time.monotonic(), random.random(), self._policy)
            self._report(reason)
            await asyncio.sleep(self._state.not_before_s - time.monotonic())

    async def _one_life(self) -> str:
        """Run one server until something asks for the next; says what."""
        await self._server.start()
        self._state = self._state.launched(time.monotonic())
        ends = [asyncio.create_task(self._server.failure()), asyncio.create_task(self._until_silent())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            await cancel(*ends)

    async def _until_silent(self) -> str:
        while True:
            sign = await self._look()
            was = self._state.phase
            self._state, decision = self._state.seen(sign, time.monotonic(), self._policy)
            if decision is Decision.RESTART:
                return next((m.status.detail for m in self._models if m.status.detail), "the server does not answer")
            if self._state.phase is Phase.READY and was is not Phase.READY:
                self._reason = ""
                log.info("the model server answers")
            starting = self._state.phase is Phase.STARTING
            await asyncio.sleep(self._start_interval_s if starting else self._probe_interval_s)

    async def _look(self) -> Sign:
        if not await self._triton.live():
            return Sign.SILENT
        signs = await asyncio.gather(*(model.look() for model in self._models))
        return Sign.SILENT if Sign.SILENT in signs else Sign.ANSWERS

    def _report(self, reason: str) -> None:
        if reason != self._reason:  # a loss is news once
            log.error("the model server is started again: %s", reason)
            self._reason = reason
        if self._state.exhausted(self._policy):
            log.error("%d restarts within %.0f s: somebody should look", self._policy.budget, self._policy.window_s)
