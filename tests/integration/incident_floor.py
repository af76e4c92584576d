"""An incident about which two are asked: from the verdicts to whatever system the connector speaks to, and back."""

from collections.abc import Awaitable, Callable

from mes_floor import Heard, until_completed
from rules_floor import Rules, judged, text
from servers import RedisServer, until

from services.chassis.bus import Bus

_LIVE_S = 60


async def lives_twice(bus: Bus, redis: RedisServer, heard: Heard, complete: Callable[[str], Awaitable[None]]) -> None:
    """The supplier's answer leaves it open, the line's order ends it, and the next run of defects opens orders anew.

    `complete` is what people do there with the order of this number.
    """
    async with Rules(bus, redis, rules=text(actions=["maintenance_request", "supplier_notice"])) as rules:
        await judged(bus, range(1, 6))
        await until(lambda: len(heard.opened) == 2, _LIVE_S)
        numbers = {message.key: message.external_id for message in heard.opened}
        (first,) = rules.keeper.fold.state.episodes.values()
        (notice,) = set(numbers) - {first.id}

        await complete(numbers[notice])
        await until_completed(bus, [notice], _LIVE_S)
        await rules.caught_up()
        assert list(rules.keeper.fold.state.episodes.values()) == [first], "a supplier mends nothing at the line"

        await complete(numbers[first.id])
        await until_completed(bus, [notice, first.id], _LIVE_S)
        await until(lambda: not rules.keeper.fold.state.episodes, _LIVE_S)

        await judged(bus, range(6, 11))
        await until(lambda: len(heard.opened) == 4, _LIVE_S)
        (second,) = rules.keeper.fold.state.episodes.values()

    assert second.id in {message.key for message in heard.opened[2:]}
    assert len({message.external_id for message in heard.opened}) == 4, "orders of its own"
    assert not heard.dead
