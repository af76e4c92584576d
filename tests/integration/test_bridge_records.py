"""What the bridge says besides pauses: the record of its OPC UA server, and the alarm of certificates."""

import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from jidoka.line.v1 import line_pb2
from servers import NatsServer, until

from services.chassis.bus import Bus
from services.chassis.streams import Delivery, Follower, Route
from services.contracts.plant import Place
from services.contracts.subjects import ALARM_CHANGED, AUDIT_RECORDED, Subject
from services.opcua_bridge.adapters.audit import Audit, Caller, serving
from services.opcua_bridge.adapters.facts import BusFacts
from services.opcua_bridge.adapters.record import BusRecord
from services.opcua_bridge.adapters.standing_alarm import StandingAlarm
from services.opcua_bridge.domain.certificates import Expiring, sentence
from services.opcua_bridge.domain.line import LineName

LINE, OTHER = LineName("lyon", "smt1"), LineName("lyon", "smt2")
SOON = Expiring(date(2027, 1, 5), "bridge", own=True, limit=60)
SOONER = Expiring(date(2027, 1, 5), "bridge", own=True, limit=30)


@contextlib.asynccontextmanager
async def hearing(bus: Bus, subject: Subject) -> AsyncIterator[list[Any]]:
    heard: list[Any] = []

    async def hear(fact: Any, delivery: Delivery) -> None:
        position[0] = delivery.sequence
        heard.append(fact)

    position = [0]
    follower = Follower(
        bus, subject.stream.name, [Route(subject.everywhere, subject.message, hear)], lambda: position[0]
    )
    await follower.start()
    yield heard
    await follower.stop()


async def test_the_record_waits_for_a_broker_that_is_away_and_misses_it_once(bus, nats_server: NatsServer, caplog):
    caplog.set_level(logging.INFO, "jidoka.opcua.audit")
    record = BusRecord(bus)
    audit = Audit(record.take)
    serving(Caller("anna", "engineer", "AB" * 20, "127.0.0.1:9"))
    await audit.start()
    audit("log in")  # before the broker could be reached
    await record.start()
    async with hearing(bus, AUDIT_RECORDED) as heard:
        await until(lambda: len(heard) == 1)
        nats_server.kill()
        for number in range(30):
            audit("call", "ns=2;s=Greet", [number], "BadUserAccessDenied")
        await until(lambda: any("audit entries wait" in one.getMessage() for one in caplog.records))
        nats_server.start()
        await until(lambda: len(heard) == 31)
    await audit.stop()

    assert [fact.arguments for fact in heard[1:]] == [f"[{number}]" for number in range(30)]
    first, last = heard[0], heard[-1]
    assert (first.act, first.user, first.role, first.thumbprint) == ("log in", "anna", "engineer", "AB" * 20)
    assert (last.act, last.node, last.result, last.peer) == (
        "call",
        "ns=2;s=Greet",
        "BadUserAccessDenied",
        "127.0.0.1:9",
    )
    assert 0 < first.at.ToNanoseconds() < last.at.ToNanoseconds()
    said = [one.getMessage() for one in caplog.records if one.name == "jidoka.opcua.audit"]
    assert said.count("audit") == 31, "the log line stands whatever the broker does"
    assert sum("audit entries wait" in one for one in said) == 1


@contextlib.asynccontextmanager
async def on_duty(bus: Bus) -> AsyncIterator[StandingAlarm]:
    alarm = StandingAlarm(bus, [LINE, OTHER], line_pb2.ALARM_CLASS_CERTIFICATE, "certificates")
    await alarm.start()
    yield alarm
    await alarm.stop()


async def test_certificates_that_expire_are_an_alarm_at_each_line_said_again_when_it_gets_closer(bus):
    facts = BusFacts(bus, {LINE: ["aoi1"]})
    await facts.comms_alarm(LINE, 1_000.0, "unplugged", 1_001.0, active=True)
    async with hearing(bus, ALARM_CHANGED) as heard:

        def at(line: LineName) -> list[Any]:
            return [fact for fact in heard if fact.line == line.line and fact.alarm_class == 2]

        async with on_duty(bus) as alarm:
            for looked in ([], [SOON], [SOON], [SOONER]):
                alarm.hear(sentence(looked))
                await until(
                    lambda looked=looked: not looked or (bool(at(OTHER)) and str(looked[0]) == at(OTHER)[-1].detail)
                )
        async with on_duty(bus) as alarm:  # a next life, which sees new certificates
            assert await facts.comms_lost_since(LINE) == 1_000.0, "one class does not hide the other"
            alarm.hear(sentence([]))
            await until(lambda: not at(OTHER)[-1].active)
    for line in (LINE, OTHER):
        said = at(line)
        assert [(one.active, one.detail) for one in said] == [(True, str(SOON)), (True, str(SOONER)), (False, "")]
        assert len({one.since.ToNanoseconds() for one in said}) == 1, "it is one alarm from its beginning to its end"
    assert Place(LINE.site, LINE.line, "certificates") != Place(LINE.site, LINE.line, "all")
