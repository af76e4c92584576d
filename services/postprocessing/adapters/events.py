"""The rules' side of the broker: what they hear, what they tell themselves, and where their actions go."""

from collections.abc import Callable, Mapping
from datetime import datetime

from google.protobuf.message import Message
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.rules.v1 import rules_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.chassis.errors import Invalid, Unavailable
from services.chassis.streams import Delivery, Route
from services.chassis.trouble import is_missing, why
from services.contracts.instant import timestamp
from services.contracts.plant import Place, Plant
from services.contracts.rule_set import digest
from services.contracts.subjects import (
    CONTAINMENT_DECLARED,
    INCIDENT_CLOSED,
    LEASES,
    LINE_RESUMED,
    MEASUREMENT_RECORDED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    RULES_ACTIVATED,
    RULES_APPROVED,
    STATION,
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
from services.postprocessing.domain.attribution import Cause
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.handlers import RuleKeeper
from services.postprocessing.ports import InForce

_WORTH_A_RETRY = {line_pb2.PAUSE_OUTCOME_EXPIRED, line_pb2.PAUSE_OUTCOME_ACK_TIMEOUT, line_pb2.PAUSE_OUTCOME_LINK_DOWN}


def routes(keeper: RuleKeeper) -> list[Route]:
    """What the rules of a line fold, in the one order of the STATION stream."""
    site, _, line = keeper.line.partition("/")

    async def verdict(message: verdict_pb2.Verdict, delivery: Delivery) -> None:
        await keeper.on_part(rule_messages.part(message), delivery.sequence, rule_messages.traced(message))

    async def measurement(message: measurement_pb2.Measurement, delivery: Delivery) -> None:
        await keeper.on_part(rule_messages.measured(message), delivery.sequence)

    async def settled(message: line_pb2.PauseSettled, delivery: Delivery) -> None:
        held = message.held_at if message.HasField("held_at") else message.settled_at
        await keeper.on_settled(
            message.request_id,
            delivery.sequence,
            confirmed=message.outcome == line_pb2.PAUSE_OUTCOME_CONFIRMED,
            retry=message.outcome in _WORTH_A_RETRY,
            at_s=held.ToMicroseconds() / 1e6,
        )

    async def resumed(message: line_pb2.LineResumed, delivery: Delivery) -> None:
        await keeper.on_resumed(message.episode_id, message.resumed_at.ToMicroseconds() / 1e6, delivery.sequence)

    async def completed(message: workrequest_pb2.WorkRequestCompleted, delivery: Delivery) -> None:
        await keeper.on_completed(message.episode_id, message.key, delivery.sequence)

    async def closed(message: line_pb2.IncidentClosed, delivery: Delivery) -> None:
        await keeper.on_closed(message.episode_id, delivery.sequence)

    async def silent(message: line_pb2.StationFellSilent, delivery: Delivery) -> None:
        at_s = message.noticed_at.ToMicroseconds() / 1e6
        await keeper.on_silence(message.station.station, at_s, delivery.sequence)

    async def rules(message: rules_pb2.RulesActivated | rules_pb2.RulesApproved, delivery: Delivery) -> None:
        await keeper.on_rules(message.rules_json, delivery.sequence)

    return [
        Route(VERDICT_REACHED.along(site, line), verdict_pb2.Verdict, verdict),
        Route(MEASUREMENT_RECORDED.along(site, line), measurement_pb2.Measurement, measurement),
        Route(PAUSE_SETTLED.along(site, line), line_pb2.PauseSettled, settled),
        Route(LINE_RESUMED.along(site, line), line_pb2.LineResumed, resumed),
        Route(WORK_COMPLETED.along(site, line), workrequest_pb2.WorkRequestCompleted, completed),
        Route(INCIDENT_CLOSED.along(site, line), line_pb2.IncidentClosed, closed),
        Route(STATION_SILENT.along(site, line), line_pb2.StationFellSilent, silent),
        Route(RULES_ACTIVATED.along(site), rules_pb2.RulesActivated, rules),
        Route(RULES_APPROVED.along(site), rules_pb2.RulesApproved, rules),
    ]


def _all_of(site: str) -> Place:
    return Place(site, "all", "all")


def _path(line: str, station: str) -> frame_pb2.StationPath:
    site, _, name = line.partition("/")
    return frame_pb2.StationPath(site=site, line=name, station=station)


_SAID: Mapping[What, tuple[Subject, Callable[[Action, frame_pb2.StationPath], Message]]] = {
    What.PAUSE: (PAUSE_REQUESTED, rule_messages.pause_requested),
    What.NOTE: (WORK_UPDATED, rule_messages.updated),
    What.CONTAIN: (CONTAINMENT_DECLARED, rule_messages.containment),
}


class BusActions:
    """Says what a fired rule wants, under an id that the same incident always gets."""

    def __init__(self, bus: Bus, plant: Plant) -> None:
        self._bus = bus
        self._equipment = {str(place): line.equipment_id for place, line, _ in plant.stations()}

    async def emit(self, line: str, action: Action, causes: tuple[Cause, ...]) -> None:
        """Publish the request. Raises Unavailable; Invalid for a station that the plant file no longer names."""
        place = f"{line}/{action.episode.station}"
        if place not in self._equipment:
            raise Invalid(f"the plant has no station {place} any more", field="station")
        at = _path(line, action.episode.station)
        if action.what in _SAID:
            subject, said = _SAID[action.what]
            message = said(action, at)
        elif action.what is What.WARN:
            subject, message = WARNED, rule_messages.warned(action, at, causes)
        else:
            own = (self._equipment[place], telemetry.trace_id())
            subject, message = WORK_REQUESTED, rule_messages.work_requested(action, at, causes, *own)
        await self._bus.publish(subject.at(at), message, action.id)


class BusFacts:
    """Puts our own facts into the stream that the rules fold."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def rules_in_force(self, site: str) -> InForce:
        """What the plant file said or two people agreed on, whichever was later. Raises Unavailable."""
        subjects = (RULES_ACTIVATED.at(_all_of(site)), RULES_APPROVED.at(_all_of(site)))
        said = [last for subject in subjects if (last := await self._last(subject)) is not None]
        if not said:
            return InForce()
        newest = max(said, key=lambda message: message.seq or 0)
        approved = newest.subject == subjects[1]
        message = (rules_pb2.RulesApproved if approved else rules_pb2.RulesActivated).FromString(newest.data or b"")
        return InForce(message.version, message.rules_json)

    async def _last(self, subject: str) -> RawStreamMsg | None:
        try:
            return await self._bus.jetstream.get_last_msg(STATION.name, subject)
        except NotFoundError as error:
            if is_missing(error):
                raise Unavailable(why(error, STATION.name)) from error
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not say what was last on {subject}: {error}") from error

    async def rules_activated(self, site: str, text: str) -> None:
        """Each time under an id of its own: rules may come back. Raises Unavailable."""
        now_s = self._bus.clock.now_s()
        message = rules_pb2.RulesActivated(
            site=site,
            version=book_of(text).version,
            sha256=digest(text),
            rules_json=text,
            activated_at=timestamp(now_s),
        )
        subject = RULES_ACTIVATED.at(_all_of(site))
        await self._bus.publish(subject, message, f"{site}:rules:{message.sha256}:{now_s}")

    async def station_silent(self, line: str, station: str, since_s: float, now_s: float) -> None:
        """Once for each silence and second, however many of us notice it. Raises Unavailable."""
        at = _path(line, station)
        message = line_pb2.StationFellSilent(station=at, silent_since=timestamp(since_s), noticed_at=timestamp(now_s))
        await self._bus.publish(
            STATION_SILENT.at(at), message, f"{line}/{station}:silent:{since_s}:{now_s - since_s:.0f}"
        )


async def birth_of_streams(bus: Bus) -> str:
    """When the facts' stream and the leases' bucket were made: numbers hold as long as they. Raises Unavailable."""
    made = [await _made(bus, name) for name in (STATION.name, f"KV_{LEASES}")]
    return "-".join(f"{at.timestamp():.6f}" if at else "" for at in made)


async def _made(bus: Bus, stream: str) -> datetime | None:
    try:
        return (await bus.jetstream.stream_info(stream)).created
    except (NatsError, TimeoutError, OSError) as error:
        raise Unavailable(f"the broker does not say how old its streams are: {why(error, stream)}") from error
