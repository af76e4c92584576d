"""The lists of job orders, where a restart finds them again and the bridge that stands by reads them: on the broker."""

import logging
import time
from collections.abc import Awaitable, Callable, Collection

from jidoka.line.v1 import line_pb2

from services.chassis.backoff import Backoff
from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Unavailable
from services.chassis.streams import Delivery, Route, Story
from services.contracts import headers
from services.contracts.instant import seconds
from services.contracts.subjects import JOB_ORDERS_LISTED, LINE
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.adapters.wire import WHO, timestamp_of, whole
from services.opcua_bridge.domain.jobs import JobState, KeptJob, KeptList
from services.opcua_bridge.domain.line import LineName

log = logging.getLogger("jidoka.opcua_bridge")
_DEADLINE_S = 0.8  # asyncua answers a client's requests one after the other, and some clients give up after 1 s
OnList = Callable[[LineName, KeptList, int], Awaitable[None]]
"""Takes a line's list and its place in the stream; Unavailable: the same list comes again."""


class BusOrders:
    """Stores the list of a line before the MES gets its answer."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def keep(self, line: LineName, kept: KeptList, after: int) -> int:
        """The place of this list in the stream, given the place of the one that it builds on.

        Raises Unavailable when the broker did not store it, be it because another bridge was told something meanwhile.
        """
        message = line_pb2.JobOrdersListed(
            site=line.site,
            line=line.line,
            orders=[line_pb2.JobOrder(id=job.id, state=int(job.state), encoded=job.encoded) for job in kept.jobs],
            bridge=WHO,
            listed_at=timestamp_of(self._bus.clock.now_s()),
            running_since=timestamp_of(kept.since) if kept.since else None,
        )
        where, msg_id = JOB_ORDERS_LISTED.at(whole(line)), f"{line}:job-orders:{WHO}:{time.time_ns()}"
        expected = {headers.EXPECTED_LAST: str(after)}
        try:
            return (await self._bus.publish(where, message, msg_id, extra=expected, deadline_s=_DEADLINE_S)).sequence
        except Conflict as error:
            raise Unavailable(f"another bridge has listed the orders of {line} meanwhile: {error}") from error


class OrderLists(Story):
    """Gives `on_list` the last list of each line at the start, and each one that follows: ours, or another bridge's."""

    def __init__(self, bus: Bus, lines: Collection[LineName], on_list: OnList) -> None:
        route = Route(JOB_ORDERS_LISTED.everywhere, JOB_ORDERS_LISTED.message, self._on_listed)
        super().__init__(bus, LINE.name, [route], newest=0, name="job orders", anew=self._tell_last)
        self._lines, self._on_list = lines, on_list

    async def start(self) -> None:
        """Returns when the last list of each line was given; waits for a broker or a stream that is away."""
        await super().start()
        backoff = Backoff(0.2, 2.0)
        while True:
            await self.caught_up()
            try:
                return await self._tell_last()
            except Unavailable as error:
                log.debug("the job orders are asked for again in %.1f s: %s", backoff.next_s, error)
            await backoff.wait()

    async def _tell_last(self) -> None:
        for line in self._lines:
            said, sequence = await last_said(self._bus, JOB_ORDERS_LISTED, whole(line))
            kept = _kept(said) if isinstance(said, line_pb2.JobOrdersListed) else KeptList()
            await self._on_list(line, kept, sequence)

    async def _on_listed(self, message: line_pb2.JobOrdersListed, delivery: Delivery) -> None:
        await self._on_list(LineName(message.site, message.line), _kept(message), delivery.sequence)


def _kept(message: line_pb2.JobOrdersListed) -> KeptList:
    jobs = tuple(KeptJob(order.id, JobState(order.state), order.encoded) for order in message.orders)
    return KeptList(jobs, seconds(message.running_since))
