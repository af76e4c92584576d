"""The rules' side of the broker: what they hear, what they tell themselves, and where their actions go."""

import time
from collections.abc import Callable, Mapping

from google.protobuf.message import Message
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.rules.v1 import rules_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Route
from services.contracts.plant import Place, Plant
from services.contracts.rule_set import digest
from services.contracts.subjects import (
    CONTAINMENT_DECLARED,
    LINE_RESUMED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    RULES_ACTIVATED,
    STATION_SILENT,
    VERDICT_REACHED,
    WARNED,
    WORK_COMPLETED,
    WORK_REQUESTED,
    WORK_UPDATED,
    Subject,
)
from services.postprocessing.adapters import rule_messages
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.adapters.wire import timestamp
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.handlers import RuleKeeper

_WORTH_A_RETRY = {line_pb2.PAUSE_OUTCOME_EXPIRED, line_pb2.PAUSE_OUTCOME_ACK_TIMEOUT, line_pb2.PAUSE_OUTCOME_LINK_DOWN}


def routes(keeper: RuleKeeper) -> list[Route]:
    """What the rules fold, in the one order of the STATION stream."""

    async def verdict(message: verdict_pb2.Verdict, delivery: Delivery) -> None:
        await keeper.on_part(_line(message.station), rule_messages.part(message), delivery.sequence)

    async def settled(message: line_pb2.PauseSettled, delivery: Delivery) -> None:
        confirmed = message.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED
        retry = message.outcome in _WORTH_A_RETRY
        held = message.held_at if message.HasField("held_at") else message.settled_at
        await keeper.on_settled(
            _line(message.station),
            message.request_id,
            delivery.sequence,
            confirmed=confirmed,
            retry=retry,
            at_s=held.ToMicroseconds() / 1e6,
        )

    async def resumed(message: line_pb2.LineResumed, delivery: Delivery) -> None:
        resumed_at_s = message.resumed_at.ToMicroseconds() / 1e6
        await keeper.on_resumed(_line(message.station), message.episode_id, resumed_at_s, delivery.sequence)

    async def completed(message: workrequest_pb2.WorkRequestCompleted, delivery: Delivery) -> None:
        await keeper.on_completed(_line(message.station), message.episode_id, delivery.sequence)

    async def silent(message: line_pb2.StationFellSilent, delivery: Delivery) -> None:
        at_s = message.noticed_at.ToMicroseconds() / 1e6
        await keeper.on_silence(_line(message.station), message.station.station, at_s, delivery.sequence)

    async def rules(message: rules_pb2.RulesActivated, delivery: Delivery) -> None:
        await keeper.on_rules(message.site, message.rules_json, delivery.sequence)

    return [
        Route(VERDICT_REACHED.everywhere, verdict_pb2.Verdict, verdict),
        Route(PAUSE_SETTLED.everywhere, line_pb2.PauseSettled, settled),
        Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, resumed),
        Route(WORK_COMPLETED.everywhere, workrequest_pb2.WorkRequestCompleted, completed),
        Route(STATION_SILENT.everywhere, line_pb2.StationFellSilent, silent),
        Route(RULES_ACTIVATED.everywhere, rules_pb2.RulesActivated, rules),
    ]


def _line(station: frame_pb2.StationPath) -> str:
    return f"{station.site}/{station.line}"


def _path(line: str, station: str) -> frame_pb2.StationPath:
    site, _, name = line.partition("/")
    return frame_pb2.StationPath(site=site, line=name, station=station)


_SAID: Mapping[What, tuple[Subject, Callable[[Action, frame_pb2.StationPath], Message]]] = {
    What.PAUSE: (PAUSE_REQUESTED, rule_messages.pause_requested),
    What.WARN: (WARNED, rule_messages.warned),
    What.NOTE: (WORK_UPDATED, rule_messages.updated),
    What.CONTAIN: (CONTAINMENT_DECLARED, rule_messages.containment),
}


class BusActions:
    """Says what a fired rule wants, under an id that the same incident always gets."""

    def __init__(self, bus: Bus, plant: Plant) -> None:
        self._bus = bus
        self._equipment = {str(place): line.equipment_id for place, line, _ in plant.stations()}

    async def emit(self, line: str, action: Action) -> None:
        """Publish the request. Raises Unavailable; Invalid for a station that the plant file no longer names."""
        place = f"{line}/{action.episode.station}"
        if place not in self._equipment:
            raise Invalid(f"the plant has no station {place} any more", field="station")
        at = _path(line, action.episode.station)
        if action.what in _SAID:
            subject, message = _SAID[action.what]
            await self._bus.publish(subject.at(at), message(action, at), action.id)
        else:
            order = rule_messages.work_requested(action, at, self._equipment[place], telemetry.trace_id())
            await self._bus.publish(WORK_REQUESTED.at(at), order, order.key)


class BusFacts:
    """Puts our own facts into the stream that the rules fold."""

    def __init__(self, bus: Bus, plant: Plant, clock: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._sites = [site.name for site in plant.sites]
        self._clock = clock

    async def rules_activated(self, text: str) -> None:
        """At every site. Each time under an id of its own: rules may come back. Raises Unavailable."""
        now_s = self._clock()
        for site in self._sites:
            message = rules_pb2.RulesActivated(
                site=site,
                version=book_of(text).version,
                sha256=digest(text),
                rules_json=text,
                activated_at=timestamp(now_s),
            )
            at = Place(site, "all", "all")
            await self._bus.publish(RULES_ACTIVATED.at(at), message, f"{site}:rules:{message.sha256}:{now_s}")

    async def station_silent(self, line: str, station: str, since_s: float, now_s: float) -> None:
        """Once for each silence and second, however many of us notice it. Raises Unavailable."""
        at = _path(line, station)
        message = line_pb2.StationFellSilent(station=at, silent_since=timestamp(since_s), noticed_at=timestamp(now_s))
        await self._bus.publish(
            STATION_SILENT.at(at), message, f"{line}/{station}:silent:{since_s}:{now_s - since_s:.0f}"
        )
