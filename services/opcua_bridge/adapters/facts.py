"""Between the wire's messages and the domain: what we hear and what we say on the broker."""

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery
from services.contracts.plant import Place
from services.contracts.subjects import LINE_RESUMED, LINE_STATE_CHANGED, PAUSE_SETTLED
from services.opcua_bridge.domain.handshake import Handshake, State
from services.opcua_bridge.domain.line import Episode, LineName, PauseRequest, PlcView, StationName
from services.opcua_bridge.ports import ShownVerdict

_OUTCOMES = {
    State.CONFIRMED: line_pb2.PAUSE_OUTCOME_CONFIRMED,
    State.REJECTED: line_pb2.PAUSE_OUTCOME_REJECTED,
    State.EXPIRED: line_pb2.PAUSE_OUTCOME_EXPIRED,
    State.ACK_TIMEOUT: line_pb2.PAUSE_OUTCOME_ACK_TIMEOUT,
    State.STATE_TIMEOUT: line_pb2.PAUSE_OUTCOME_STATE_TIMEOUT,
    State.LINK_DOWN: line_pb2.PAUSE_OUTCOME_LINK_DOWN,
}
_VERDICTS = {verdict_pb2.OUTCOME_PASS: "PASS", verdict_pb2.OUTCOME_FAIL: "FAIL"}  # anything else is INCONCLUSIVE


class BusFacts:
    """Says on the broker what became of pauses and lines."""

    def __init__(self, bus: Bus, stations: Mapping[LineName, Sequence[str]]) -> None:
        self._bus = bus
        self._stations = stations
        self._life = time.time_ns()
        self._count = itertools.count()

    async def settled(self, request: PauseRequest, end: Handshake, at: float) -> None:
        """The receipt for a request; once, however often it is said."""
        message = line_pb2.PauseSettled(
            request_id=request.request_id,
            episode_id=request.episode_id,
            station=_path(request.station),
            outcome=_OUTCOMES[end.state],
            command_id=end.command,
            attempts=end.attempts,
            detail=end.detail,
            sent_at=_timestamp(end.sent_at),
            acknowledged_at=_timestamp(end.acknowledged_at),
            held_at=_timestamp(end.held_at),
            settled_at=_timestamp(at),
        )
        await self._bus.publish(PAUSE_SETTLED.at(_place(request.station)), message, f"{request.request_id}:settled")

    async def resumed(self, episode: Episode, at: float) -> None:
        """An operator let the line run again."""
        message = line_pb2.LineResumed(
            station=_path(episode.station), episode_id=episode.episode_id, resumed_at=_timestamp(at)
        )
        await self._bus.publish(LINE_RESUMED.at(_place(episode.station)), message, f"{episode.episode_id}:resumed")

    async def line_changed(self, line: LineName, view: PlcView, at: float) -> None:
        """Said at each station of the line: whoever listens to a station hears of its line."""
        for station in self._stations[line]:
            name = StationName(line, station)
            message = line_pb2.LineStateChanged(
                station=_path(name),
                packml_state=view.state,
                link_up=view.link_up,
                remote_pause_enabled=view.remote_pause_enabled,
                changed_at=_timestamp(at),
            )
            msg_id = f"{name}:{self._life}:{next(self._count)}"
            await self._bus.publish(LINE_STATE_CHANGED.at(_place(name)), message, msg_id)


def pauses(
    carry_out: Callable[..., Awaitable[None]],
) -> Callable[[line_pb2.PauseRequested, Delivery], Awaitable[None]]:
    """A bus handler that gives each well-formed request to `carry_out`. Raises Invalid for one that is not."""

    async def handle(message: line_pb2.PauseRequested, delivery: Delivery) -> None:
        needed = {"request_id": message.request_id, "episode_id": message.episode_id}
        for field, given in {**needed, "expires_at": message.HasField("expires_at")}.items():
            if not given:
                raise Invalid("a pause request needs it", field=field, fix="fill it in")
        request = PauseRequest(
            request_id=message.request_id,
            episode_id=message.episode_id,
            station=station_name(message.station),
            text=message.text,
            first_part=message.first_part_sequence,
            last_part=message.last_part_sequence,
            expires_at=seconds(message.expires_at),
        )
        await carry_out(request, delivery.sequence, redelivered=delivery.redelivered)

    return handle


def shown(message: verdict_pb2.Verdict) -> ShownVerdict:
    """A verdict as SCADA shows it: the defect with the highest score stands for all."""
    worst = max(message.defects, key=lambda defect: defect.score, default=verdict_pb2.Defect())
    return ShownVerdict(
        station=station_name(message.station),
        outcome=_VERDICTS.get(message.outcome, "INCONCLUSIVE"),
        label=worst.label,
        score=worst.score,
        part_id=f"{message.part.lot_id}/{message.part.part_sequence}",
        inspection_id=message.inspection_id,
        judged_at=seconds(message.judged_at),
    )


def station_name(path: frame_pb2.StationPath) -> StationName:
    """The wire's path as a name."""
    return StationName(LineName(path.site, path.line), path.station)


def seconds(timestamp: Timestamp) -> float:
    """Seconds of the epoch."""
    return timestamp.ToNanoseconds() / 1e9


def _timestamp(at: float | None) -> Timestamp | None:
    if at is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.fromtimestamp(at, UTC))
    return timestamp


def _path(name: StationName) -> frame_pb2.StationPath:
    return frame_pb2.StationPath(site=name.line.site, line=name.line.line, station=name.station)


def _place(name: StationName) -> Place:
    return Place(name.line.site, name.line.line, name.station)
