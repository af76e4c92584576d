"""Incidents, rebuilt from the streams at each start: nothing of ours is kept anywhere else."""

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.streams import Delivery, Route, Story
from services.contracts.instant import seconds
from services.contracts.subjects import INCIDENT_CLOSED, LINE, LINE_RESUMED, PAUSE_REQUESTED, PAUSE_SETTLED, STATION
from services.opcua_bridge.adapters.wire import station_name
from services.opcua_bridge.domain.episodes import Episode, OpenEpisodes, Overtaking
from services.opcua_bridge.domain.line import LineName, PauseRequest

_WITHOUT_EFFECT = (line_pb2.PAUSE_OUTCOME_REJECTED, line_pb2.PAUSE_OUTCOME_EXPIRED)


class StreamedEpisodes:
    """Follows requests, receipts, resumptions and closed incidents."""

    def __init__(self, bus: Bus) -> None:
        self._open, self._overtaking = OpenEpisodes(), Overtaking()
        self._ends = Story(
            bus,
            STATION.name,
            [
                Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, self._on_settled),
                Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, self._on_resumed),
                Route(INCIDENT_CLOSED.everywhere, line_pb2.IncidentClosed, self._on_closed),
            ],
            name="episodes",
            anew=self._forget,
        )
        route = Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, self._on_requested)
        self._requests = Story(bus, LINE.name, [route], name="requests")

    def healthy(self) -> bool:
        """Whether it can be read what was asked and what has ended."""
        return self._ends.healthy() and self._requests.healthy()

    async def start(self) -> None:
        await self._ends.start()
        await self._requests.start()

    async def stop(self) -> None:
        await self._requests.stop()
        await self._ends.stop()

    async def caught_up(self) -> None:
        """Return when all that the streams held has been read; waits for what is away."""
        await self._ends.caught_up()
        await self._requests.caught_up()

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

    async def _forget(self) -> None:
        """The receipts of a lost stream hold no line any more: nobody can tell of their end (R3)."""
        self._open = OpenEpisodes()

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
        self._overtaking.asked(station, message.rule_id, message.defect_label, delivery.sequence, delivery.born)
