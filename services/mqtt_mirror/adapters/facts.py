"""From the facts of the mesh to publications."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.errors import Invalid
from services.chassis.streams import Delivery, Route
from services.contracts.instant import seconds
from services.contracts.subjects import (
    ALARM_CHANGED,
    LINE,
    LINE_RESUMED,
    LINE_STATE_CHANGED,
    PAUSE_REQUESTED,
    PAUSE_SETTLED,
    STATION,
    STATION_SILENT,
    VERDICT_REACHED,
    WARNED,
    Stream,
    Subject,
)
from services.mqtt_mirror.domain import Publication, Topics, event, packml_name, state

Tell = Callable[[Publication], Awaitable[None]]
_OUTCOMES = {verdict_pb2.OUTCOME_PASS: "PASS", verdict_pb2.OUTCOME_FAIL: "FAIL"}  # anything else is INCONCLUSIVE


class Facts:
    """The routes of each stream; a fact of a line that the plant file does not know is parked."""

    def __init__(self, topics: Topics, tell: Tell) -> None:
        self._topics, self._tell = topics, tell

    def routes(self, stream: Stream) -> list[Route]:
        """What is heard from one stream."""
        heard: dict[Subject, Callable[[Any], list[Publication]]] = {
            VERDICT_REACHED: self._verdict,
            STATION_SILENT: self._silent,
            PAUSE_SETTLED: self._settled,
            LINE_RESUMED: self._resumed,
            PAUSE_REQUESTED: self._requested,
            WARNED: self._warned,
            LINE_STATE_CHANGED: self._line,
            ALARM_CHANGED: self._alarm,
        }
        return [
            Route(subject.everywhere, subject.message, self._handler(said))
            for subject, said in heard.items()
            if subject.stream is stream
        ]

    def _handler(self, said: Callable[[Any], list[Publication]]) -> Callable[[Any, Delivery], Awaitable[None]]:
        async def handle(message: Any, _: Delivery) -> None:
            try:
                publications = said(message)
            except KeyError as error:
                raise Invalid(f"no line {error} in the plant file", field="station", fix="add it there") from error
            for publication in publications:
                await self._tell(publication)

        return handle

    def _verdict(self, verdict: verdict_pb2.Verdict) -> list[Publication]:
        at = seconds(verdict.judged_at)
        result = event(
            self._station(verdict, "result"),
            at,
            inspection=verdict.inspection_id,
            lot=verdict.part.lot_id,
            part=verdict.part.part_sequence,
            product=verdict.part.product_id,
            verdict=_OUTCOMES.get(verdict.outcome, "INCONCLUSIVE"),
            defects=[{"label": d.label, "score": round(d.score, 4)} for d in verdict.defects],
            reasons=list(verdict.reasons),
            recipe=verdict.recipe,
            recipe_version=verdict.recipe_version,
            model=verdict.provenance.model_name,
            model_digest=verdict.provenance.model_digest,
        )
        return [result, state(self._station(verdict, "alarm/silent"), at, active=False)]

    def _silent(self, silent: line_pb2.StationFellSilent) -> list[Publication]:
        at = seconds(silent.noticed_at)
        return [state(self._station(silent, "alarm/silent"), at, active=True)]

    def _warned(self, warned: line_pb2.Warned) -> list[Publication]:
        said = {"episode": warned.episode_id, "rule": warned.rule_id, "defect": warned.defect_label}
        return [event(self._station(warned, "warning"), seconds(warned.warned_at), **said, text=warned.text)]

    def _requested(self, asked: line_pb2.PauseRequested) -> list[Publication]:
        said = {"episode": asked.episode_id, "rule": asked.rule_id, "defect": asked.defect_label}
        return [self._pause(asked, asked.requested_at, "requested", **said, text=asked.text)]

    def _settled(self, settled: line_pb2.PauseSettled) -> list[Publication]:
        outcome = line_pb2.PauseOutcome.Name(settled.outcome).removeprefix("PAUSE_OUTCOME_").lower()
        return [self._pause(settled, settled.settled_at, outcome, episode=settled.episode_id, text=settled.detail)]

    def _resumed(self, resumed: line_pb2.LineResumed) -> list[Publication]:
        return [self._pause(resumed, resumed.resumed_at, "resumed", episode=resumed.episode_id)]

    def _line(self, now: line_pb2.LineStateChanged) -> list[Publication]:
        at, site, line = seconds(now.changed_at), now.station.site, now.station.line
        shown = {"state": packml_name(now.packml_state), "number": now.packml_state, "link_up": now.link_up}
        permit = now.remote_pause_enabled
        return [state(self._topics.of_line(site, line, "state"), at, **shown, remote_pause_enabled=permit)]

    def _alarm(self, alarm: line_pb2.AlarmChanged) -> list[Publication]:
        name = line_pb2.AlarmClass.Name(alarm.alarm_class).removeprefix("ALARM_CLASS_").lower().replace("_", "-")
        topic = self._topics.of_line(alarm.site, alarm.line, f"alarm/{name}")
        return [state(topic, seconds(alarm.changed_at), active=alarm.active, text=alarm.detail)]

    def _pause(self, message: Any, at: Timestamp, what: str, **said: object) -> Publication:
        topic = self._topics.of_line(message.station.site, message.station.line, "pause")
        return state(topic, seconds(at), pause=what, station=message.station.station, **said)

    def _station(self, message: Any, what: str) -> str:
        at = message.station
        return self._topics.of_station(at.site, at.line, at.station, what)


STREAMS = (STATION, LINE)
