"""What the MES says of a line reaches the door for frames: all of it before the first frame, the rest at once."""

import asyncio

from jidoka.context.v1 import context_pb2
from jidoka.frame.v1.frame_pb2 import StationPath
from servers import NatsServer

from services.chassis.bus import Bus
from services.contracts.subjects import CONTEXT_CHANGED, CONTEXT_DECLARED, Subject
from services.preprocessing.adapters.contexts import ContextReader
from services.preprocessing.domain.context import ContextBook, Setup

LINE = "lyon/smt1"


async def say(bus: Bus, subject: Subject, at_s: int, station: str = "all", **said: str) -> None:
    at = StationPath(site="lyon", line="smt1", station=station)
    message = context_pb2.ContextChanged(station=at, **said)
    message.changed_at.FromSeconds(at_s)
    await bus.publish(subject.at(at), message, f"{at_s}{station}{said}")


async def test_a_new_door_knows_what_was_said_before_it_opens_and_hears_the_rest(bus: Bus, nats_server: NatsServer):
    await say(bus, CONTEXT_DECLARED, 100, lot_id="L1", supplier="A")
    await say(bus, CONTEXT_CHANGED, 200, station="aoi1", recipe="fine", job_order_id="JO-1")
    book = ContextBook()
    reader = ContextReader(bus, book)
    await asyncio.wait_for(reader.start(), 20)
    try:
        assert book.at(LINE, "aoi1", 250.0) == Setup(lot="L1", supplier="A", recipe="fine", job_order="JO-1")
        assert book.at(LINE, "aoi2", 250.0) == Setup(lot="L1", supplier="A")
        assert book.at(LINE, "aoi1", 150.0) == Setup(lot="L1", supplier="A")

        nats_server.kill()
        nats_server.start()
        await say(bus, CONTEXT_DECLARED, 300, lot_id="L2")
        async with asyncio.timeout(20):
            while book.at(LINE, "aoi1", 0.0).lot != "L2":  # noqa: ASYNC110  # a follower has no event for it
                await asyncio.sleep(0.02)
        assert book.at(LINE, "aoi1", 250.0).lot == "L1", "a part of then is of the lot of then"
    finally:
        await reader.stop()


async def test_a_door_opens_at_once_where_nobody_ever_said_anything(bus: Bus):
    reader = ContextReader(bus, ContextBook())
    await asyncio.wait_for(reader.start(), 10)
    await reader.stop()
