"""What is passed on to MQTT, and under which topic."""

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.errors import Invalid, Unavailable
from services.contracts.subjects import LINE, STATION, SUBJECTS
from services.mqtt_mirror.adapters.facts import STREAMS, Facts
from services.mqtt_mirror.adapters.mqtt import Broker
from services.mqtt_mirror.domain import Publication, Topics, event, packml_name, state
from services.mqtt_mirror.handlers import Mirror

TOPICS = Topics("uns", {("lyon", "smt1"): "acme/lyon/electronics/smt1"})
AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")


class Namespace:
    def __init__(self) -> None:
        self.said: list[Publication] = []
        self.away = False

    async def publish(self, publication: Publication) -> None:
        if self.away:
            raise Unavailable("away")
        self.said.append(publication)


def mirror(namespace: Namespace, now: float = 1_000.0) -> Mirror:
    return Mirror(namespace, news_s=60, clock=lambda: now)


async def test_an_old_result_is_no_news_and_an_old_state_is_still_the_state():
    namespace = Namespace()
    await mirror(namespace).tell(event("r", 939.0, verdict="FAIL"))
    await mirror(namespace).tell(event("r", 941.0, verdict="FAIL"))
    await mirror(namespace).tell(state("s", 1.0, link_up=True))

    assert [p.topic for p in namespace.said] == ["r", "s"]


async def test_a_state_that_comes_again_overtakes_no_newer_one_and_is_said_once():
    namespace = Namespace()
    told = mirror(namespace)
    for at, up in ((10.0, True), (20.0, False), (15.0, True), (21.0, False)):
        await told.tell(state("s", at, link_up=up))

    assert [(p.at, p.said["link_up"]) for p in namespace.said] == [(10.0, True), (20.0, False)]


async def test_what_mqtt_did_not_take_is_still_news_when_it_comes_again():
    namespace = Namespace()
    told = mirror(namespace)
    namespace.away = True
    with pytest.raises(Unavailable):
        await told.tell(state("s", 10.0, link_up=True))
    namespace.away = False
    await told.tell(state("s", 10.0, link_up=True))

    assert len(namespace.said) == 1


async def heard(message, subject_noun: str) -> list[Publication]:
    namespace = Namespace()
    facts = Facts(TOPICS, namespace.publish)
    routes = [route for stream in STREAMS for route in facts.routes(stream)]
    (route,) = [route for route in routes if f".{subject_noun}." in route.subject]
    await route.handler(message, None)
    return namespace.said


async def test_a_verdict_becomes_a_result_under_its_isa_95_path_with_time_and_version():
    verdict = verdict_pb2.Verdict(inspection_id="i1", station=AT, outcome=verdict_pb2.OUTCOME_FAIL, recipe="pcb")
    verdict.judged_at.FromMilliseconds(1_500)
    verdict.defects.add(label="open", score=0.91239)
    result, silence = await heard(verdict, "reached")

    assert result.topic == "uns/acme/lyon/electronics/smt1/aoi1/vision/result"
    assert not result.retained
    assert result.payload["ts"] == "1970-01-01T00:00:01.500Z"
    assert result.payload["v"] == 1
    assert (result.said["verdict"], result.said["defects"]) == ("FAIL", [{"label": "open", "score": 0.9124}])
    assert (silence.topic, silence.said) == (
        "uns/acme/lyon/electronics/smt1/aoi1/vision/alarm/silent",
        {"active": False},
    )


async def test_an_unspecified_outcome_is_never_a_pass():
    result, _ = await heard(verdict_pb2.Verdict(station=AT), "reached")

    assert result.said["verdict"] == "INCONCLUSIVE"


async def test_a_pause_and_a_lost_plc_are_states_of_the_line():
    settled = line_pb2.PauseSettled(station=AT, episode_id="e", outcome=line_pb2.PAUSE_OUTCOME_LINK_DOWN)
    (pause,) = await heard(settled, "pause-settled")
    lost = line_pb2.AlarmChanged(
        site="lyon", line="smt1", alarm_class=line_pb2.ALARM_CLASS_COMMS_LOSS, active=True, detail="unplugged"
    )
    (alarm,) = await heard(lost, "alarm-changed")

    assert (pause.topic, pause.said["pause"]) == ("uns/acme/lyon/electronics/smt1/vision/pause", "link_down")
    assert alarm.topic == "uns/acme/lyon/electronics/smt1/vision/alarm/comms-loss"
    assert alarm.said == {"active": True, "text": "unplugged"}
    assert pause.retained
    assert alarm.retained


async def test_a_fact_of_an_unknown_line_is_parked_with_the_fix():
    with pytest.raises(Invalid) as refused:
        await heard(line_pb2.Warned(station=frame_pb2.StationPath(site="lyon", line="smt9", station="a")), "warned")

    assert refused.value.field == "station"


def test_everything_that_is_listened_to_has_a_route_and_the_other_way_round():
    facts = Facts(TOPICS, Namespace().publish)
    routed = {route.subject for stream in (STATION, LINE) for route in facts.routes(stream)}

    assert routed == {subject.everywhere for subject in SUBJECTS if "mqtt-mirror" in subject.listeners}


def test_packml_states_have_names_and_foreign_numbers_stay_numbers():
    assert [packml_name(n) for n in (6, 11, 99)] == ["Execute", "Held", "State99"]


def test_beyond_loopback_there_is_no_mqtt_without_tls():
    with pytest.raises(Invalid) as refused:
        Broker("mqtt.plant.example:8883", "u", "p", None, 5).tls()

    assert refused.value.field == "mqtt_ca_file"
