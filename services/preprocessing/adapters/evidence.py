"""Pictures of parts that did not pass, kept beside the work: an inspection never waits for them and never fails."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, NamedTuple

from jidoka.verdict.v1 import verdict_pb2
from nats.errors import Error as NatsError
from nats.js.api import ObjectMeta
from prometheus_client import Counter

from services.chassis.bus import Bus
from services.chassis.run import cancel, spawn
from services.chassis.trouble import why
from services.contracts.evidence import picture_name
from services.contracts.subjects import EVIDENCE
from services.preprocessing.domain.frame import Seen
from services.preprocessing.ports import Judge

log = logging.getLogger("jidoka.evidence")
KEPT = Counter("jidoka_evidence_kept", "Pictures of parts that did not pass, stored")
DROPPED = Counter("jidoka_evidence_dropped", "Pictures of parts that did not pass, lost", ["why"])
_DEADLINE_S = 3.0
_DRAIN_S = 2.0


class _Picture(NamedTuple):
    name: str
    encoded: bytes
    sha256: str


class KeptEvidence:
    """A judge whose verdicts leave the camera's own file behind in the `evidence` bucket, unless the part passed.

    Best effort: at most `most_bytes` wait, what finds no room or no broker is dropped and counted.
    """

    def __init__(self, judge: Judge, bus: Bus, most_bytes: int) -> None:
        self._judge, self._bus, self._most_bytes = judge, bus, most_bytes
        self._waiting: deque[_Picture] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._losing = False
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Store in the background."""
        self._task = spawn(self._store_forever(), "evidence")

    async def stop(self) -> None:
        """Give what waits a moment to be stored."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _DRAIN_S)
        await cancel(self._task)
        DROPPED.labels("stopped").inc(len(self._waiting))

    async def judge(self, seen: Seen) -> verdict_pb2.Verdict:
        """The durable verdict. Raises Conflict or Unavailable."""
        verdict: verdict_pb2.Verdict = await self._judge.judge(seen)
        # The judge refuses another picture under a used id (Conflict): nothing is ever put in the place of evidence.
        if verdict.outcome != verdict_pb2.OUTCOME_PASS and verdict.provenance.image_sha256 == seen.image_sha256:
            frame = seen.frame
            name = picture_name(f"{frame.site}/{frame.line}/{frame.station}", frame.inspection_id)
            self._keep(_Picture(name, frame.image, seen.image_sha256))
        return verdict

    def _keep(self, picture: _Picture) -> None:
        if self._bytes + len(picture.encoded) > self._most_bytes:
            self._lost("full", f"{len(self._waiting)} wait already")
            return
        self._bytes += len(picture.encoded)
        self._waiting.append(picture)
        self._idle.clear()
        self._arrived.set()

    async def _store_forever(self) -> None:
        while True:
            await self._arrived.wait()
            while self._waiting:
                await self._store(self._waiting[0])
                self._bytes -= len(self._waiting.popleft().encoded)
            self._arrived.clear()
            self._idle.set()

    async def _store(self, picture: _Picture) -> None:
        about = ObjectMeta(name=picture.name, headers={"sha256": [picture.sha256]})
        try:
            async with asyncio.timeout(_DEADLINE_S):
                store = await self._bus.jetstream.object_store(EVIDENCE)
                await store.put(picture.name, picture.encoded, about)
        except (NatsError, TimeoutError, OSError) as error:
            self._lost("broker", why(error, EVIDENCE))
            return
        KEPT.inc()
        if self._losing:
            self._losing = False
            log.warning("pictures of defective parts are kept again")

    def _lost(self, why: str, detail: str) -> None:
        DROPPED.labels(why).inc()
        if not self._losing:
            self._losing = True
            log.warning("pictures of defective parts are lost (%s): %s", why, detail)
