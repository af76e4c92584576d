"""Living rules and a broker that loses what it keeps, or keeps what nobody can read (B3, B16, R3)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from rules_floor import AT, judged
from servers import NatsServer, RedisServer, until

from services.chassis.bus import Bus
from services.contracts.subjects import LEASES, PAUSE_REQUESTED, VERDICT_REACHED
from services.postprocessing.app import build
from services.postprocessing.settings import Settings
from tools.plant.provision import provision

EVER_S = 100.0
PLANT = Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml"
Missing = Callable[[], list[str]]


@pytest.fixture
def rules(
    tmp_path: Path, nats_server: NatsServer, redis: RedisServer
) -> Callable[[], contextlib.AbstractAsyncContextManager[Missing]]:
    secret = tmp_path / "secret"
    secret.write_text("")
    settings = Settings(
        plant_file=PLANT,
        nats_url=nats_server.url,
        nats_password_file=secret,
        redis_url=redis.url,
        redis_password_file=secret,
        issuer_url="http://127.0.0.1:1",
        grpc_address="127.0.0.1:0",
    )

    @contextlib.asynccontextmanager
    async def living() -> AsyncIterator[Missing]:
        service = build(settings)
        async with contextlib.AsyncExitStack() as stack:
            for component in service.components:
                stack.push_async_callback(component.stop)
                await component.start()
            yield lambda: [name for name, holds in service.ready.items() if not holds()]

    return living


async def the_line_is_stopped(bus: Bus, pauses: int) -> None:
    asked = PAUSE_REQUESTED.at(AT)
    async with asyncio.timeout(EVER_S):
        while True:
            found = await bus.jetstream.stream_info("LINE", subjects_filter=asked)
            if (found.state.subjects or {}).get(asked) == pauses:
                return
            await asyncio.sleep(0.05)


async def test_no_line_is_called_folded_while_nobody_can_have_its_lease(bus: Bus, rules, caplog):
    """B3: bucket deleted, eight defective parts in a row, no request, and all probes said ready."""
    async with rules() as missing:
        await until(lambda: not missing(), EVER_S)
        await bus.jetstream.delete_key_value(LEASES)
        await until(lambda: "rules of lyon/smt1" in missing(), EVER_S)
        await until(lambda: "the duty postprocessing.lyon.smt1: not possible" in caplog.text, EVER_S)
        await provision(bus)
        await until(lambda: not missing(), EVER_S)
        await judged(bus, range(1, 6))
        await the_line_is_stopped(bus, 1)
    assert caplog.text.count("the duty postprocessing.lyon.smt1: not possible") == 1


async def test_the_rules_wait_for_streams_that_are_made_later(bus: Bus, rules, caplog):
    for name in ("STATION", f"KV_{LEASES}"):
        await bus.jetstream.delete_stream(name)
    async with rules() as missing:
        assert "rules of lyon/smt1" in missing()
        await until(lambda: "is not there; the provisioning of the broker makes it" in caplog.text, EVER_S)
        await provision(bus)
        await until(lambda: not missing(), EVER_S)


async def test_a_line_whose_pauses_find_no_stream_is_not_ready_and_stopped_when_it_is_back(bus: Bus, rules, caplog):
    """B3: LINE was gone, 8 stored, 0 stops, ready, and "pause" in the log every three seconds."""
    async with rules() as missing:
        await until(lambda: not missing(), EVER_S)
        await bus.jetstream.delete_stream("LINE")
        await judged(bus, range(1, 6))
        await until(lambda: "rules of lyon/smt1" in missing(), EVER_S)
        assert ": pause (" not in caplog.text
        await provision(bus)
        await the_line_is_stopped(bus, 1)
        await until(lambda: not missing(), EVER_S)
    assert caplog.text.count(": pause (") == 1


async def test_rules_go_on_behind_a_verdict_that_nobody_can_read_and_in_a_stream_that_was_made_anew(bus: Bus, rules):
    """B16, R3."""
    async with rules() as missing:
        await until(lambda: not missing(), EVER_S)
        await bus.publish(VERDICT_REACHED.at(AT), b"\xff\xff no verdict", "poison")
        await judged(bus, range(1, 6))
        await the_line_is_stopped(bus, 1)
        assert (await bus.jetstream.stream_info("DEAD")).state.messages == 1
        await bus.jetstream.delete_stream("STATION")
        await provision(bus)
        await judged(bus, range(11, 16))
        await the_line_is_stopped(bus, 2)
