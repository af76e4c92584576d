"""Open episodes, rebuilt from the stream at each start: nothing of ours is kept anywhere else."""

import secrets

from jidoka.line.v1 import line_pb2
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.subjects import LINE_RESUMED, PAUSE_SETTLED, STATION
from services.opcua_bridge.adapters.facts import seconds, station_name
from services.opcua_bridge.domain.line import Episode, LineName, OpenEpisodes


class StreamedEpisodes:
    """Follows our own receipts and resumptions from the stream's beginning."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open = OpenEpisodes()
        self._position = 0
        self._follower = Follower(
            bus,
            STATION.name,
            [
                Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, self._on_settled),
                Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, self._on_resumed),
            ],
            lambda: self._position,
        )

    async def start(self) -> None:
        await self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    async def ended_by_running(self, line: LineName, last_paused_at: float) -> list[Episode]:
        """The open episodes that are over when the line runs; Unavailable while we are behind the stream.

        An episode that looks open may have been resumed already, and a resumption is told once.
        """
        ended = self._open.ended_by_running(line, last_paused_at)
        if ended and await self._behind():
            raise Unavailable("the episodes are still being read from the stream", fix="look again")
        return ended

    async def _behind(self) -> int:
        """How many messages of the stream we have not yet applied: a new consumer knows."""
        config = ConsumerConfig(
            name=f"{self._bus.user}-{secrets.token_hex(8)}",
            filter_subjects=[PAUSE_SETTLED.everywhere, LINE_RESUMED.everywhere],
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._position + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=1.0,
            mem_storage=True,
        )
        try:
            info = await self._bus.jetstream.add_consumer(STATION.name, config)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not say how far we are behind: {error}") from error
        return info.num_pending or 0

    async def _on_settled(self, message: line_pb2.PauseSettled, delivery: Delivery) -> None:
        may_have_worked = message.HasField("sent_at") and message.outcome not in _WITHOUT_EFFECT
        self._open.settled(
            Episode(station_name(message.station), message.episode_id),
            confirmed=message.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED,
            sent_at=seconds(message.sent_at) if may_have_worked else None,
        )
        self._position = delivery.sequence

    async def _on_resumed(self, message: line_pb2.LineResumed, delivery: Delivery) -> None:
        self._open.resumed(Episode(station_name(message.station), message.episode_id))
        self._position = delivery.sequence


_WITHOUT_EFFECT = (line_pb2.PAUSE_OUTCOME_REJECTED, line_pb2.PAUSE_OUTCOME_EXPIRED)
