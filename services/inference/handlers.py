"""The supervision: one `ModelWatch` per model, and the `Supervisor` that gives their server one life after another."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from services.chassis.errors import Denied, Invalid, MeshError, NotFound, Unavailable
from services.chassis.run import cancel, spawn
from services.inference.domain.models import ModelSpec, ModelState, ModelStatus, contract, mismatch
from services.inference.domain.supervision import Backoff, Decision, Phase, Policy, Sign, Supervision
from services.inference.ports import ModelServer, Repository, Triton

log = logging.getLogger("jidoka.inference")
RESTARTS = Counter("jidoka_model_server_restarts", "How often the model server had to be started again")
MODEL_READY = Gauge("jidoka_model_ready", "1 while the model answers its synthetic inference", ["model"])


@dataclass(frozen=True)
class Probing:
    """How a model is asked."""

    deadline_s: float
    stall_s: float
    warmup_inferences: int
    warmup_deadline_s: float
    retry: Backoff


class ModelWatch:
    """Keeps one model served: loads it, holds it to its contract, warms it up, then asks it again and again."""

    def __init__(self, spec: ModelSpec, triton: Triton, repository: Repository, probing: Probing) -> None:
        self.status = ModelStatus(spec)
        self._spec = spec
        self._triton = triton
        self._repository = repository
        self._probing = probing
        self._served = 0
        self._served_at_s = 0.0

    async def look(self) -> Sign:
        """Ask the model, or bring it up when it is time; SILENT only when the server is to blame."""
        if self.status.loaded:
            sign = await self._probe()
        elif time.monotonic() >= self.status.retry_at_s:
            sign = await self._bring_up()
        else:
            sign = Sign.ANSWERS
        MODEL_READY.labels(self._spec.name).set(self.status.state is ModelState.READY)
        return sign

    def lost(self, reason: str) -> None:
        """The server is gone."""
        self.status = self.status.lost(reason)
        MODEL_READY.labels(self._spec.name).set(0)

    async def _bring_up(self) -> Sign:
        self.status = self.status.loading()
        try:
            await asyncio.to_thread(self._repository.check, self._spec.name)
            await self._triton.load(self._spec.name)
            await self._accept()
            for _ in range(self._probing.warmup_inferences):
                await self._triton.infer(self._spec, self._probing.warmup_deadline_s)
            await self._ask(self._probing.deadline_s)
        except MeshError as error:
            if str(error) != self.status.detail:
                log.error("model %s is not served: %s", self._spec.name, error)
            self.status = self.status.refused(str(error), time.monotonic(), random.random(), self._probing.retry)
            return Sign.SILENT if isinstance(error, Unavailable) else Sign.ANSWERS
        log.info("model %s version %s is served", self._spec.name, self.status.version)
        return Sign.ANSWERS

    async def _accept(self) -> None:
        version, found = await self._triton.signature(self._spec.name)
        if wrong := mismatch(contract(self._spec), found):
            fix = "correct config.pbtxt and the model, or the picture size in the recipe"
            raise Invalid(wrong, field=f"model {self._spec.name}", fix=fix)
        digest = await asyncio.to_thread(self._repository.digest, self._spec.name, version)
        self.status = self.status.accepted(version, digest, self._repository.labels(self._spec.name))

    async def _probe(self) -> Sign:
        try:
            await self._served_lately()
            try:
                version = await self._ask(self._probing.deadline_s)
            except Unavailable as late:
                if not await self._served_lately():
                    raise
                self.status = self.status.busy(f"busy with others' work: {late}")
                return Sign.ANSWERS
            if version != self.status.version:
                await self._swapped()
        except (NotFound, Invalid, Denied) as error:
            self.status = self.status.lost(str(error))
        except MeshError as error:
            self.status = self.status.silent(str(error))
            return Sign.SILENT
        return Sign.ANSWERS

    async def _swapped(self) -> None:
        """Somebody had the server take another version: only one that was signed may stay."""
        try:
            await asyncio.to_thread(self._repository.check, self._spec.name)
        except MeshError:
            await self._triton.unload(self._spec.name)
            raise
        await self._accept()

    async def _served_lately(self) -> bool:
        """Whether anybody was answered within the stall time: a full queue refuses a probe, but is no sign of death."""
        served, now_s = await self._triton.served(self._spec.name), time.monotonic()
        if served != self._served:
            self._served, self._served_at_s = served, now_s
        return now_s - self._served_at_s < self._probing.stall_s

    async def _ask(self, deadline_s: float) -> str:
        answer = await self._triton.infer(self._spec, deadline_s)
        self.status = self.status.answered(time.time(), answer.duration_ms)
        return answer.version


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
