"""Readers of streams against a real broker: what they cannot read is seen, what nobody can digest is put aside."""

import asyncio
import logging

import pytest
from jidoka.line.v1 import line_pb2
from servers import until

from services.chassis.bus import Bus
from services.chassis.streams import Consumer, Delivery, Follower, Route, Story
from services.contracts.plant import Place
from services.contracts.subjects import LINE, LINE_RESUMED, PAUSE_REQUESTED, STATION
from tools.plant.provision import provision

PLACE = Place("lyon", "smt1", "aoi1")


class Ear:
    """Hears resumptions; chokes on one of them, for ever or so many times."""

    def __init__(self, chokes_on: str = "", times: int = 1_000) -> None:
        self.heard: list[str] = []
        self.chokes_on, self.times = chokes_on, times
        self.position = 0

    async def __call__(self, message: line_pb2.LineResumed, delivery: Delivery) -> None:
        if message.episode_id == self.chokes_on and self.times:
            self.times -= 1
            raise ZeroDivisionError("poison")
        self.heard.append(message.episode_id)
        self.position = delivery.sequence

    @property
    def routes(self) -> list[Route]:
        return [Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, self)]


async def resume(bus: Bus, *names: str) -> None:
    for name in names:
        await bus.publish(LINE_RESUMED.at(PLACE), line_pb2.LineResumed(episode_id=name), f"{name}:resumed")


def warnings(caplog: pytest.LogCaptureFixture, of: str) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return [text for text in said if of in text]


async def test_a_consumer_whose_stream_is_deleted_is_not_healthy_says_so_once_and_goes_on_when_it_is_back(
    bus: Bus, caplog
):
    """B3: a bridge that can hear no stop any more had every probe green and nothing in its log."""
    heard: list[str] = []

    async def hear(message: line_pb2.PauseRequested, _: Delivery) -> None:
        heard.append(message.request_id)

    consumer = Consumer(bus, LINE.name, [Route(PAUSE_REQUESTED.everywhere, line_pb2.PauseRequested, hear)])
    await consumer.start()
    await until(consumer.healthy)
    await bus.jetstream.delete_stream(LINE.name)
    await until(lambda: not consumer.healthy())
    await until(lambda: warnings(caplog, "the stream LINE is not there"))
    await provision(bus)
    await bus.publish(PAUSE_REQUESTED.at(PLACE), line_pb2.PauseRequested(request_id="r1"), "r1")
    await until(lambda: heard == ["r1"])
    await until(consumer.healthy)
    await consumer.stop()

    lost, back = warnings(caplog, "reads LINE")
    assert "provision" in lost, "it names who makes the stream"
    assert "goes on" in back


async def test_a_reader_that_starts_before_its_stream_waits_for_it(bus: Bus, caplog):
    await bus.jetstream.delete_stream(STATION.name)
    ear = Ear()
    story = Story(bus, STATION.name, ear.routes)
    await story.start()
    await until(lambda: warnings(caplog, "the stream STATION is not there"))
    assert not story.healthy()
    await provision(bus)
    await resume(bus, "e1")
    await until(lambda: ear.heard == ["e1"])
    await until(story.healthy)
    await story.stop()


async def test_a_follower_that_is_far_behind_is_not_healthy(bus: Bus, monkeypatch):
    """B3, scenario B: the rules restart with days of stream to fold, and nobody can stop a line meanwhile."""
    monkeypatch.setattr(Follower, "_MOST_BEHIND", 3)

    gate, ear = asyncio.Event(), Ear()

    async def slow(message: line_pb2.LineResumed, delivery: Delivery) -> None:
        await gate.wait()
        await ear(message, delivery)

    await resume(bus, *"abcdef")
    route = Route(LINE_RESUMED.everywhere, line_pb2.LineResumed, slow)
    follower = Follower(bus, STATION.name, [route], lambda: ear.position)
    await follower.start()
    await until(lambda: follower.lag == 6)
    assert not follower.healthy()
    gate.set()
    await until(follower.healthy)
    await follower.stop()

    assert ear.heard == list("abcdef")


async def test_a_fact_that_no_follower_can_digest_is_parked_and_the_fold_goes_on(bus: Bus):
    """B16: one poisonous verdict ended the process, each life anew, and with it Judge."""
    ear = Ear(chokes_on="b")
    passed: list[int] = []
    follower = Follower(bus, STATION.name, ear.routes, lambda: max([ear.position, *passed]), passed=passed.append)
    await follower.start()
    await resume(bus, "a", "b", "c")
    await until(lambda: ear.heard == ["a", "c"])
    await follower.stop()

    dead = await bus.jetstream.get_last_msg("DEAD", "jidoka.v1.dead.test.line")
    assert "ZeroDivisionError" in dead.headers["jidoka-dead-reason"]
    assert dead.headers["jidoka-dead-sequence"] == "2"
    assert ear.times == 1_000 - 3, "three tries"
    assert passed == [1, 2, 3]


async def test_a_fact_that_fails_twice_is_no_poison(bus: Bus):
    ear = Ear(chokes_on="b", times=2)
    follower = Follower(bus, STATION.name, ear.routes, lambda: ear.position)
    await follower.start()
    await resume(bus, "a", "b", "c")
    await until(lambda: ear.heard == ["a", "b", "c"])
    await follower.stop()

    assert (await bus.jetstream.stream_info("DEAD")).state.messages == 0


async def test_a_story_has_caught_up_although_the_last_fact_cannot_be_read(bus: Bus):
    """B17: preprocessing waited for ever behind a last context that nobody could decode."""
    ear = Ear()
    await resume(bus, "a")
    await bus.publish(LINE_RESUMED.at(PLACE), b"\xff\xff not protobuf", "bad")
    story = Story(bus, STATION.name, ear.routes)
    await story.start()
    await story.caught_up()
    assert (ear.heard, story.position) == (["a"], 2)
    await story.stop()


async def test_a_story_of_the_newest_facts_begins_there(bus: Bus):
    ear = Ear()
    await resume(bus, "a", "b", "c")
    story = Story(bus, STATION.name, ear.routes, newest=1)
    await story.start()
    await until(lambda: ear.heard == ["c"])
    await resume(bus, "d")
    await until(lambda: ear.heard == ["c", "d"])
    await story.stop()


@pytest.mark.parametrize("newest", [None, 0])
async def test_a_story_begins_anew_with_a_stream_that_was_made_anew(bus: Bus, caplog, newest):
    """R3: positions of the old stream mean nothing in the new one, or we are deaf until it is as long."""
    ear, anew = Ear(), []

    async def forget() -> None:
        anew.append(list(ear.heard))

    story = Story(bus, STATION.name, ear.routes, newest=newest, anew=forget)
    await story.start()
    await until(story.healthy)
    await resume(bus, "a", "b", "c")
    await until(lambda: ear.heard == ["a", "b", "c"])
    await bus.jetstream.delete_stream(STATION.name)
    await provision(bus)
    await resume(bus, "d")
    await until(lambda: ear.heard[3:] == ["d"])
    await story.stop()

    assert anew == [["a", "b", "c"]]
    assert warnings(caplog, "made anew")


async def test_a_follower_whose_position_lies_behind_the_streams_end_asks_for_another_one(bus: Bus):
    """R3: a store that was restored from an older copy has the old birthday and fewer facts."""
    ear = Ear()
    ear.position = 50

    async def forget() -> None:
        ear.position = 0

    follower = Follower(bus, STATION.name, ear.routes, lambda: ear.position, anew=forget)
    await resume(bus, "a", "b")
    await follower.start()
    await until(lambda: ear.heard == ["a", "b"])
    await follower.stop()
