"""From the rule to the MES and back: the incident's order is completed there, and the real rules count afresh."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from incident_floor import lives_twice
from mes_floor import Heard, Sandbox, connector, settings_of
from rules_floor import Rules, judged, text
from servers import NatsServer, RedisServer, until

from services.chassis.bus import Bus


async def eventually(look: Callable[[], object]) -> None:
    """What another process does; asked there over HTTP, so not in the event loop."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(look):  # noqa: ASYNC110  # states in another process
            await asyncio.sleep(0.05)


async def test_a_completed_order_resets_its_rule_and_a_cancelled_one_leaves_the_incident_open(
    bus: Bus, nats_server: NatsServer, redis: RedisServer, sandbox: Sandbox, heard: Heard, tmp_path: Path
):
    settings = settings_of(tmp_path, nats_server, sandbox)
    async with connector(settings), Rules(bus, redis, rules=text(actions=["maintenance_request"])) as rules:
        await judged(bus, range(1, 6))
        await eventually(lambda: len(sandbox.orders()) == 1)
        (first,) = sandbox.references()
        assert rules.keeper.fold.state.episodes, "the incident is open"

        await judged(bus, range(6, 11))  # it goes on: news for the order, no second one
        await eventually(lambda: sandbox.comments(first))
        assert "It goes on" in sandbox.comments(first)[0]["text"]
        assert sandbox.references() == [first]

        sandbox.change(first, "complete")
        await until(lambda: not rules.keeper.fold.state.episodes)

        await judged(bus, range(11, 16))
        await eventually(lambda: len(sandbox.orders()) == 2)
        (second,) = set(sandbox.references()) - {first}
        sandbox.change(second, "cancel")
        await until(lambda: [message.key for message in heard.cancelled] == [second])
        await judged(bus, range(16, 21))
        await rules.caught_up()
        assert rules.keeper.fold.state.episodes, "nobody has mended anything: a person decides what follows"

    assert sorted(sandbox.references()) == sorted([first, second])


async def test_a_suppliers_answer_leaves_the_incident_open_and_the_lines_order_ends_it(
    bus: Bus, nats_server: NatsServer, redis: RedisServer, sandbox: Sandbox, heard: Heard, tmp_path: Path
):
    async def complete(number: str) -> None:
        await asyncio.to_thread(lambda: sandbox.people.post(f"{sandbox.url}/{number}/complete").raise_for_status())

    async with connector(settings_of(tmp_path, nats_server, sandbox)):
        await lives_twice(bus, redis, heard, complete)
    assert len(sandbox.orders()) == 4
