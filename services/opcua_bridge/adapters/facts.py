"""What the bridge says on the broker about pauses and lines."""

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.contracts import headers
from services.contracts.instant import seconds
from services.contracts.subjects import (
    ALARM_CHANGED,
    LINE_RESUMED,
    LINE_STATE_CHANGED,
    PAUSE_PROGRESSED,
    PAUSE_SETTLED,
)
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.adapters.wire import WHO, path_of, place_of, timestamp_of, whole
from services.opcua_bridge.domain.episodes import Episode
from services.opcua_bridge.domain.handshake import Handshake
from services.opcua_bridge.domain.line import NO_LINK, LineName, PauseRequest, PlcView, StationName
from services.opcua_bridge.ports import Progress

log = logging.getLogger("jidoka.opcua_bridge")
_GOODBYE_S = 0.5  # a broker that is away must not keep the lease from the next one
_COMMS_LOSS = line_pb2.ALARM_CLASS_COMMS_LOSS


class BusFacts:
    """Says on the broker what became of pauses and lines; each under an id that makes it count once."""

    def __init__(self, bus: Bus, stations: Mapping[LineName, Sequence[str]]) -> None:
        self._bus = bus
        self._stations = stations
        self._life = time.time_ns()
        self._count = itertools.count()
        self._last_states: dict[StationName, int] = {}  # where our last word on each stands in the stream

    async def progressed(self, request: PauseRequest, progress: Progress) -> None:
        """A transition of a handshake; the first life that tells it is believed."""
        message = line_pb2.PauseProgressed(
            request_id=request.request_id,
            episode_id=request.episode_id,
            station=path_of(request.station),
            state=f"PAUSE_STATE_{progress.state.name}",
            command_id=progress.command,
            attempts=progress.attempts,
            detail=progress.detail,
            bridge=WHO,
            at=timestamp_of(progress.at),
        )
        msg_id = f"{request.request_id}:{request.station}:{progress.state.value}"
        await self._bus.publish(PAUSE_PROGRESSED.at(place_of(request.station)), message, msg_id)

    async def asked_before(self, request: PauseRequest) -> bool:
        """Whether the last that was told at its station is about this request: one line pursues one at a time."""
        said, _ = await last_said(self._bus, PAUSE_PROGRESSED, place_of(request.station))
        return isinstance(said, line_pb2.PauseProgressed) and said.request_id == request.request_id

    async def settled(self, request: PauseRequest, end: Handshake, at: float) -> None:
        """The receipt for a request."""
        message = line_pb2.PauseSettled(
            request_id=request.request_id,
            episode_id=request.episode_id,
            station=path_of(request.station),
            outcome=f"PAUSE_OUTCOME_{end.state.name}",
            command_id=end.command,
            attempts=end.attempts,
            detail=end.detail,
            sent_at=timestamp_of(end.sent_at),
            acknowledged_at=timestamp_of(end.acknowledged_at),
            held_at=timestamp_of(end.held_at),
            settled_at=timestamp_of(at),
            acknowledgement_code=end.answer,
            packml_state=end.read_back,
            bridge=WHO,
            asked_by=path_of(request.asked_by),
        )
        msg_id = f"{request.request_id}:{request.station}:settled"
        await self._bus.publish(PAUSE_SETTLED.at(place_of(request.station)), message, msg_id)

    async def resumed(self, episode: Episode, at: float) -> None:
        """An operator let the line run again."""
        message = line_pb2.LineResumed(
            station=path_of(episode.station), episode_id=episode.episode_id, resumed_at=timestamp_of(at)
        )
        msg_id = f"{episode.episode_id}:{episode.station}:resumed"
        await self._bus.publish(LINE_RESUMED.at(place_of(episode.station)), message, msg_id)

    async def line_changed(self, line: LineName, view: PlcView, at: float) -> None:
        """Said at each station of the line: whoever listens to a station hears of its line."""
        for station in self._stations[line]:
            await self._say_state(StationName(line, station), view, at)

    async def left(self) -> None:
        """Our duty is over: we see no machine any more (R10). Not said where another bridge speaks already."""
        told, self._last_states = self._last_states, {}
        goodbyes = [self._say_state(name, NO_LINK, time.time(), after=place) for name, place in told.items()]
        for failed in await asyncio.gather(*goodbyes, return_exceptions=True):
            if isinstance(failed, Exception):
                log.info("that we see a line no more is not said: %s", failed)
        self._last_states.clear()

    async def _say_state(self, name: StationName, view: PlcView, at: float, after: int | None = None) -> None:
        message = line_pb2.LineStateChanged(
            station=path_of(name),
            packml_state=view.state,
            link_up=view.link_up,
            remote_pause_enabled=view.remote_pause_enabled,
            changed_at=timestamp_of(at),
        )
        msg_id = f"{name}:{self._life}:{next(self._count)}"
        where = LINE_STATE_CHANGED.at(place_of(name))
        if after is None:
            self._last_states[name] = (await self._bus.publish(where, message, msg_id)).sequence
        else:
            expected = {headers.EXPECTED_LAST: str(after)}
            await self._bus.publish(where, message, msg_id, extra=expected, deadline_s=_GOODBYE_S)

    async def comms_lost_since(self, line: LineName) -> float | None:
        """Since when the alarm stands that was told last, in seconds of the epoch; None: none does."""
        said, _ = await last_said(self._bus, ALARM_CHANGED, whole(line))
        return seconds(said.since) if isinstance(said, line_pb2.AlarmChanged) and said.active else None

    async def comms_alarm(self, line: LineName, since: float, detail: str, at: float, *, active: bool) -> None:
        """The PLC cannot be reached, or can again."""
        message = line_pb2.AlarmChanged(
            site=line.site,
            line=line.line,
            alarm_class=_COMMS_LOSS,
            active=active,
            since=timestamp_of(since),
            detail=detail,
            changed_at=timestamp_of(at),
        )
        msg_id = f"{line}:comms-loss:{message.since.ToMicroseconds()}:{active}"
        await self._bus.publish(ALARM_CHANGED.at(whole(line)), message, msg_id)
