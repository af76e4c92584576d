"""The watch over one model: which copy of it is served, and whether it answers."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass

from prometheus_client import Gauge

from services.chassis.errors import Bug, Denied, Invalid, MeshError, NotFound, Unavailable
from services.inference.domain.models import (
    TRITON_VERSION,
    ModelSpec,
    ModelState,
    ModelStatus,
    Staged,
    contract,
    mismatch,
)
from services.inference.domain.supervision import Backoff, Sign
from services.inference.ports import Answer, Repository, Triton

log = logging.getLogger("jidoka.inference")
MODEL_REFUSED = Gauge(
    "jidoka_model_newer_refused", "1 while a newer model is refused and the old one goes on", ["model"]
)
MODEL_READY = Gauge("jidoka_model_ready", "1 while the model answers its synthetic inference", ["model"])


@dataclass(frozen=True)
class Probing:
    """How a model is asked."""

    deadline_s: float
    stall_s: float
    warmup_inferences: int
    warmup_deadline_s: float
    retry: Backoff
    retire_after_s: float
    """A model that was replaced is served so long yet: others learn its successor's name by asking now and then."""


class ModelWatch:
    """Keeps one model served: loads a copy, holds it to its contract, warms it up, then asks it again and again.

    What is new in its folder is served beside the old one first, then in its place. What is new and bad is reported,
    and the old one goes on being served from its copy.
    """

    def __init__(self, spec: ModelSpec, triton: Triton, repository: Repository, probing: Probing) -> None:
        self.status = ModelStatus(spec)
        self._spec = spec
        self._triton = triton
        self._repository = repository
        self._probing = probing
        self._served = 0
        self._served_at_s = 0.0
        self._seen: object = None
        self._retiring: dict[str, tuple[Staged, float]] = {}

    async def look(self) -> Sign:
        """Ask the model, or bring it up when it is time; SILENT only when the server is to blame."""
        if self.status.loaded and self.status.staged is not None:
            sign = await self._probe(self.status.staged)
            if self.status.state is ModelState.READY:
                await self._take_newest()
            await self._retire()
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
            if not await self._take_newest() and self.status.staged is not None:
                self._install(self.status.staged, await self._serve(self.status.staged))
        except MeshError as error:
            if str(error) != self.status.detail:
                log.error("model %s is not served: %s", self._spec.name, error)
            self.status = self.status.refused(str(error), time.monotonic(), random.random(), self._probing.retry)
            return Sign.SILENT if isinstance(error, Unavailable) else Sign.ANSWERS
        return Sign.ANSWERS

    async def _take_newest(self) -> bool:
        """Serve what is new in the folder; False when nothing is, or when it is refused and there is an older copy."""
        stamp = await asyncio.to_thread(self._repository.stamp, self._spec.name)
        if self.status.staged is not None and stamp == self._seen:
            return False
        self._seen = stamp
        try:
            staged = await asyncio.to_thread(self._repository.stage, self._spec.name)
            served = self.status.loaded and self._is_served(staged)
            answer = await (self._ask(staged) if served else self._serve(staged))
        except MeshError as error:
            if self.status.staged is None:
                raise
            self._complain(error)
            return False
        self._install(staged, answer)
        self.status = self.status.newer(refused="")
        MODEL_REFUSED.labels(self._spec.name).set(0)
        return True

    def _is_served(self, staged: Staged) -> bool:
        return self.status.staged is not None and self.status.staged.name == staged.name

    async def _serve(self, staged: Staged) -> Answer:
        """Load the copy, unless it was changed; from its first timely answer on it counts."""
        try:
            await asyncio.to_thread(self._repository.check, staged)
        except Denied:
            await asyncio.to_thread(self._repository.forget, staged)
            self.status = self.status.forgotten() if self._is_served(staged) else self.status
            raise
        try:
            await self._triton.load(staged.name)
            if wrong := mismatch(contract(self._spec), await self._triton.signature(staged.name)):
                fix = "correct config.pbtxt and the model, or the picture size in the recipe"
                raise Invalid(wrong, field=f"model {self._spec.name}", fix=fix)
            for _ in range(self._probing.warmup_inferences):
                await self._triton.infer(staged.name, self._spec, self._probing.warmup_deadline_s)
            return await self._ask(staged)
        except (Invalid, Denied, Bug):  # it is to blame; else the server may take it later
            if not self._is_served(staged):
                self._retiring[staged.name] = staged, 0.0
                await self._retire()
            raise

    def _install(self, staged: Staged, answer: Answer) -> None:
        """From now on this one is asked, and its predecessor for a while yet by those who have not heard."""
        before = self.status.staged
        self._retiring.pop(staged.name, None)
        if before is not None and before.name != staged.name:
            self._retiring[before.name] = before, time.monotonic() + self._probing.retire_after_s
        if not self.status.loaded or before != staged:
            log.info("model %s version %s is served as %s", self._spec.name, staged.version, staged.name)
        self.status = self.status.accepted(staged, time.time(), answer.duration_ms)

    def _complain(self, error: MeshError) -> None:
        if not isinstance(error, (Invalid, Denied, Bug)):
            self._seen = None  # it may work the next time
        if str(error) != self.status.refused_newer:
            log.error("the newer model %s is refused, and the one before goes on: %s", self._spec.name, error)
        self.status = self.status.newer(refused=str(error))
        MODEL_REFUSED.labels(self._spec.name).set(1)

    async def _retire(self) -> None:
        """Unload those whose time is over; their copies go, too."""
        for staged, at_s in [*self._retiring.values()]:
            if time.monotonic() < at_s:
                continue
            try:
                await self._triton.unload(staged.name)
            except Unavailable:
                continue  # and tried again with the next look
            except MeshError as error:
                log.info("%s was not served any more: %s", staged.name, error)
            await asyncio.to_thread(self._repository.forget, staged)
            del self._retiring[staged.name]

    async def _probe(self, staged: Staged) -> Sign:
        try:
            await self._served_lately(staged)
            try:
                answer = await self._ask(staged)
            except Unavailable as late:
                if not await self._served_lately(staged):
                    raise
                self.status = self.status.busy(f"busy with others' work: {late}")
                return Sign.ANSWERS
            self.status = self.status.answered(time.time(), answer.duration_ms)
        except (NotFound, Invalid, Denied) as error:
            self.status = self.status.lost(str(error))
        except MeshError as error:
            self.status = self.status.silent(str(error))
            return Sign.SILENT
        return Sign.ANSWERS

    async def _served_lately(self, staged: Staged) -> bool:
        """Whether anybody was answered within the stall time: a full queue refuses a probe, but is no sign of death."""
        served, now_s = await self._triton.served(staged.name), time.monotonic()
        if served != self._served:
            self._served, self._served_at_s = served, now_s
        return now_s - self._served_at_s < self._probing.stall_s

    async def _ask(self, staged: Staged) -> Answer:
        """Raises Denied when somebody had the server load something else under this name."""
        answer = await self._triton.infer(staged.name, self._spec, self._probing.deadline_s)
        if answer.version != TRITON_VERSION:
            await self._triton.unload(staged.name)
            fix = "keep the key of model loading to this service"
            raise Denied(f"{staged.name} answered as version {answer.version}", field=f"model {staged.name}", fix=fix)
        return answer
