"""What the gateway shows of the lines, read from a real broker."""

from jidoka.audit.v1 import audit_pb2
from jidoka.context.v1 import context_pb2
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.rules.v1 import rules_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from servers import until

from services.chassis.bus import Bus
from services.contracts.instant import timestamp
from services.contracts.plant import Place
from services.contracts.subjects import (
    ALARM_CHANGED,
    AUDIT_RECORDED,
    CONTAINMENT_DECLARED,
    CONTEXT_CHANGED,
    CONTEXT_DECLARED,
    INCIDENT_CLOSED,
    LINE_RESUMED,
    LINE_STATE_CHANGED,
    PAUSE_PROGRESSED,
    PAUSE_SETTLED,
    RULES_ACTIVATED,
    STATION_SILENT,
    VERDICT_REACHED,
    WARNED,
    WORK_REQUESTED,
    WORK_UPDATED,
)
from services.gateway.adapters.events import ViewReader
from services.gateway.adapters.rules_api import BusRules
from services.gateway.domain import Bounded, View

AT, WHOLE = Place("lyon", "smt1", "aoi1"), Place("lyon", "smt1", "all")
CERTIFICATES, NOWHERE = Place("lyon", "smt1", "certificates"), Place("all", "all", "all")
PATH = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")


async def alarm(bus: Bus, number: int, kind: int, place: Place, *, active: bool) -> None:
    message = line_pb2.AlarmChanged(
        site="lyon", line="smt1", alarm_class=kind, active=active, since=timestamp(1_000), detail="why" * active
    )
    await bus.publish(ALARM_CHANGED.at(place), message, f"alarm-{number}")


async def test_standing_alarms_the_pauses_step_and_the_record_are_shown_however_old_the_alarm_is(bus):
    await alarm(bus, 1, line_pb2.ALARM_CLASS_COMMS_LOSS, WHOLE, active=True)
    await alarm(bus, 2, line_pb2.ALARM_CLASS_CERTIFICATE, CERTIFICATES, active=True)
    for number in range(20):
        message = line_pb2.LineStateChanged(station=PATH, packml_state=number)
        await bus.publish(LINE_STATE_CHANGED.at(AT), message, f"state-{number}")
    view = View(Bounded(9), Bounded(9), Bounded(9))
    reader = ViewReader(bus, view, 5)
    await reader.start()

    def line() -> dict:
        return view.lines.get("lyon/smt1", {})

    await until(lambda: len(line().get("alarms", {})) == 2 and line().get("state", {}).get("packmlState") == 19)
    assert line()["alarms"]["COMMS_LOSS"] == {"since": "1970-01-01T00:16:40Z", "detail": "why"}
    await alarm(bus, 3, line_pb2.ALARM_CLASS_COMMS_LOSS, WHOLE, active=False)
    await until(lambda: list(line()["alarms"]) == ["CERTIFICATE"])

    acked = line_pb2.PauseProgressed(episode_id="e1", station=PATH, state=line_pb2.PAUSE_STATE_ACKED, command_id=7)
    await bus.publish(PAUSE_PROGRESSED.at(AT), acked, "p-1")
    await until(lambda: line().get("pauseStep", {}).get("state") == "ACKED")
    assert line()["pauseStep"]["commandId"] == 7
    await bus.publish(LINE_RESUMED.at(AT), line_pb2.LineResumed(station=PATH, episode_id="e1"), "r-1")
    await until(lambda: "pauseStep" not in line())

    recorded = audit_pb2.Recorded(user="anna", act="call", result="Good")
    await bus.publish(AUDIT_RECORDED.at(NOWHERE), recorded, "a-1")
    await until(lambda: view.audited({"user": "anna"}, "", 9) == [{"user": "anna", "act": "call", "result": "Good"}])
    await reader.stop()


async def verdicts(bus: Bus, count: int, of: str) -> None:
    for number in range(count):
        verdict = verdict_pb2.Verdict(inspection_id=f"{of}-{number}", station=PATH, outcome=verdict_pb2.OUTCOME_PASS)
        await bus.publish(VERDICT_REACHED.at(AT), verdict, f"{of}-{number}")


async def test_what_people_agreed_on_is_still_there_when_a_later_restart_begins_far_behind_it(bus):
    """A shift's verdicts push a proposal out of the newest N messages; bob must still be able to approve it (B5)."""
    rules = BusRules(bus)
    in_force = rules_pb2.RulesActivated(site="lyon", version=3, sha256="in-force", rules_json="{}")
    await bus.publish(RULES_ACTIVATED.at(Place("lyon", "all", "all")), in_force, "activated")
    sha256 = await rules.propose("lyon", '{"version": 4}', 4, "alice", "runs are shorter now")
    for subject, lot in ((CONTEXT_CHANGED, "by-opc-ua"), (CONTEXT_DECLARED, "by-rest")):
        await bus.publish(subject.at(WHOLE), context_pb2.ContextChanged(station=PATH, lot_id=lot), lot)
    held = line_pb2.PauseSettled(station=PATH, episode_id="e1", outcome=line_pb2.PAUSE_OUTCOME_CONFIRMED)
    await bus.publish(PAUSE_SETTLED.at(AT), held, "settled")
    await bus.publish(LINE_RESUMED.at(AT), line_pb2.LineResumed(station=PATH, episode_id="e1"), "resumed")
    await verdicts(bus, 60, "shift")

    view = View(Bounded(9), Bounded(9), Bounded(9))
    reader = ViewReader(bus, view, 5)
    await reader.start()
    await until(lambda: view.inspections.get("shift-59"))
    await until(lambda: view.proposals_at("lyon"), 15)

    assert view.rules["lyon"]["sha256"] == "in-force"
    await until(lambda: "lastResume" in view.lines["lyon/smt1"], 15)
    line = view.lines["lyon/smt1"]
    assert (line["contextByOpcUa"]["lotId"], line["contextByRest"]["lotId"]) == ("by-opc-ua", "by-rest")
    assert (line["lastPause"]["episodeId"], line["lastResume"]["episodeId"]) == ("e1", "e1")
    assert line["verdicts"]["PASS"] <= 6
    assert view.inspections.get("shift-50") is None, "verdicts are read from the tail alone"

    await rules.approve(view.proposals.get(f"lyon/{sha256}"), "bob")
    await until(lambda: view.rules["lyon"]["sha256"] == sha256)
    assert view.proposals_at("lyon") == []
    await reader.stop()


async def test_warnings_containments_silence_closures_and_updates_reach_the_view(bus):
    episode = {"episode_id": "e1", "station": PATH, "rule_id": "run", "defect_label": "open"}
    facts = [
        (WORK_REQUESTED, AT, workrequest_pb2.WorkRequested(key="k1", **episode, title="clean it")),
        (WORK_UPDATED, AT, workrequest_pb2.WorkRequestUpdated(key="k1", **episode, signals=4)),
        (WARNED, AT, line_pb2.Warned(warning_id="w1", **episode, text="five in a row")),
        (CONTAINMENT_DECLARED, AT, line_pb2.ContainmentDeclared(**episode, revision=2, last_part_sequence=13)),
        (INCIDENT_CLOSED, WHOLE, line_pb2.IncidentClosed(site="lyon", line="smt1", episode_id="e1", closed_by="oscar")),
        (STATION_SILENT, AT, line_pb2.StationFellSilent(station=PATH, silent_since=timestamp(1_000))),
    ]
    for number, (subject, where, message) in enumerate(facts):
        await bus.publish(subject.at(where), message, f"fact-{number}")
    view = View(Bounded(9), Bounded(9), Bounded(9))
    reader = ViewReader(bus, view, 5)
    await reader.start()

    await until(lambda: len(view.incidents.get("e1") or ()) == 10)
    incident = view.incidents.get("e1")
    assert (incident["update"]["signals"], incident["closure"]["closedBy"]) == (4, "oscar")
    assert view.warnings.get("w1")["text"] == "five in a row"
    assert view.containments.get("e1")["lastPartSequence"] == "13"
    assert view.workrequests.get("k1")["lastUpdate"]["signals"] == 4
    assert view.lines["lyon/smt1"]["silent"]["aoi1"]["silentSince"] == "1970-01-01T00:16:40Z"
    await reader.stop()


async def test_a_line_that_stands_still_shows_its_state_behind_a_busy_one(bus):
    """A line that is held for a day says nothing; its last state is older than the newest N of all lines (B5)."""
    held = frame_pb2.StationPath(site="lyon", line="smt2", station="aoi1")
    still = line_pb2.LineStateChanged(station=held, packml_state=11, link_up=True)
    await bus.publish(LINE_STATE_CHANGED.at(held), still, "held")
    for number in range(20):
        message = line_pb2.LineStateChanged(station=PATH, packml_state=number)
        await bus.publish(LINE_STATE_CHANGED.at(AT), message, f"state-{number}")
    view = View(Bounded(9), Bounded(9), Bounded(9))
    reader = ViewReader(bus, view, 5)
    await reader.start()

    await until(lambda: view.lines.get("lyon/smt1", {}).get("state", {}).get("packmlState") == 19)
    assert view.lines["lyon/smt2"]["state"]["packmlState"] == 11
    await reader.stop()
