"""Incidents, rebuilt from the streams at each start: nothing of ours is kept anywhere else."""

import asyncio
import secrets
from collections.abc import Sequence

from jidoka.line.v1 import line_pb2
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.instant import seconds
from services.contracts.subjects import INCIDENT_CLOSED, LINE, LINE_RESUMED, PAUSE_REQUESTED, PAUSE_SETTLED, STATION
from services.opcua_bridge.adapters.wire import station_name
from services.opcua_bridge.domain.episodes import Episode, OpenEpisodes, Overtaking
from services.opcua_bridge.domain.line import LineName, PauseRequest

_WITHOUT_EFFECT = (line_pb2.PAUSE_OUTCOME_REJECTED, line_pb2.PAUSE_OUTCOME_EXPIRED)
_LOOK_S = 0.05


class _Story(Follower):
    """A follower from the stream's beginning that knows how far it has come."""

    def __init__(self, bus: Bus, stream: str, routes: Sequence[Route]) -> None:
        super().__init__(bus, stream, routes, lambda: self.position)
        self.position = 0

    async def _take(self, message: Msg) -> None:
        await super()._take(message)
        self.position = message.metadata.sequence.stream  # also behind one that nobody could read

    async def behind(self) -> int:
        """How many messages of the stream we have not yet applied: a new consumer knows. Raises Unavailable."""
        config = ConsumerConfig(
            name=f"{self._bus.user}-{secrets.token_hex(8)}",
            filter_subjects=[route.subject for route in self._routes],
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.position + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=1.0,
            mem_storage=True,
        )
        try:
            info = await self._bus.jetstream.add_consumer(self._stream, config)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not say how far we are behind: {error}") from error
        return info.num_pending or 0


class StreamedEpisodes:
    """Follows requests, receipts, resumptions and closed incidents."""

    def __init__(self, bus: Bus) -> None:
        self._open, self._overtaking = OpenEpisodes(), Overtaking()
        self._ends = _Story(
            bus,
            STATION.name,
            [
                Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, self._on_settled),
                Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, self._on_resumed),
                Route(INCIDENT_CLOSED.everywhere, line_pb2.IncidentClosed, self._on_closed),
            ],
        )
        route = Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, self._on_requested)
        self._requests = _Story(bus, LINE.name, [route])

    async def start(self) -> None:
        await self._ends.start()
        await self._requests.start()

    async def stop(self) -> None:
        await self._requests.stop()
        await self._ends.stop()

    async def caught_up(self) -> None:
        """Return when all that the streams held has been read. Raises Unavailable."""
        while await self._ends.behind() or await self._requests.behind():  # noqa: ASYNC110  # the broker is asked
            await asyncio.sleep(_LOOK_S)

    async def ended_by_running(self, line: LineName, last_paused_at: float) -> list[Episode]:
        """The open episodes that are over when the line runs; Unavailable while we are behind the stream.

        An episode that looks open may have been resumed already, and a resumption is told once.
        """
        ended = self._open.ended_by_running(line, last_paused_at)
        if ended and await self._ends.behind():
            raise Unavailable("the episodes are still being read from the stream", fix="look again")
        return ended

    def overtaken(self, request: PauseRequest) -> str:
        """Why the request must not be executed any more; empty: it may."""
        return self._overtaking.why(request)

    async def _on_settled(self, message: line_pb2.PauseSettled, _delivery: Delivery) -> None:
        may_have_worked = message.HasField("sent_at") and message.outcome not in _WITHOUT_EFFECT
        self._open.settled(
            Episode(station_name(message.station), message.episode_id),
            confirmed=message.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED,
            sent_at=seconds(message.sent_at) if may_have_worked else None,
        )

    async def _on_resumed(self, message: line_pb2.LineResumed, _delivery: Delivery) -> None:
        station = station_name(message.station)
        self._open.resumed(Episode(station, message.episode_id))
        self._overtaking.resumed(station.line, message.episode_id)

    async def _on_closed(self, message: line_pb2.IncidentClosed, _delivery: Delivery) -> None:
        self._overtaking.closed(message.episode_id)

    async def _on_requested(self, message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        station = station_name(message.station)
        self._overtaking.asked(station, message.rule_id, message.defect_label, delivery.sequence)
