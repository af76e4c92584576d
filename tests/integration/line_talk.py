"""What a test says to the bridge over the broker, and what it hears."""

import asyncio
import time

from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from plant_floor import PLACE

from services.chassis.bus import Bus
from services.contracts.plant import Place
from services.contracts.subjects import PAUSE_REQUESTED


async def ask(
    bus: Bus, request: str = "r1", place: Place = PLACE, ttl_s: float = 8.0, episode: str = "", rule: str = ""
) -> None:
    """A rule asks for its line."""
    message = line_pb2.PauseRequested(
        request_id=request,
        episode_id=episode or f"episode-of-{request}",
        rule_id=rule,
        station=frame_pb2.StationPath(site=place.site, line=place.line, station=place.station),
        text="5 times mousebite",
        first_part_sequence=101,
        last_part_sequence=105,
    )
    message.requested_at.FromNanoseconds(time.time_ns())
    message.expires_at.FromNanoseconds(time.time_ns() + int(ttl_s * 1e9))
    await bus.publish(PAUSE_REQUESTED.at(place), message, request)


async def said(bus: Bus, subject, place: Place, count: int, deadline_s: float = 60) -> list:
    """What was said there, once it is `count` messages; never more."""
    stream = bus.jetstream
    deadline = time.monotonic() + deadline_s
    while True:
        info = await stream.stream_info(subject.stream.name, subjects_filter=subject.at(place))
        found = sum((info.state.subjects or {}).values())
        assert found <= count, f"{found} messages on {subject.at(place)}, expected {count}"
        if found == count:
            break
        assert time.monotonic() < deadline, f"{found} of {count} messages on {subject.at(place)}"
        await asyncio.sleep(0.02)
    return await heard(bus, subject, place, count)


async def heard(bus: Bus, subject, place: Place, most: int) -> list:
    """What has been said there so far."""
    if not most:
        return []
    reader = await bus.jetstream.pull_subscribe(subject.at(place), stream=subject.stream.name)
    try:
        messages = await reader.fetch(most, timeout=5)
    except TimeoutError:
        messages = []
    await reader.unsubscribe()
    return [subject.message.FromString(message.data) for message in messages]
