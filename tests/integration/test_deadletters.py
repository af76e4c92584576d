"""`jidoka deadletters …` against a real broker with rights: what was parked is seen, said again or dropped."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from jidoka.audit.v1 import audit_pb2
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2
from nats.errors import Error as NatsError
from servers import until, wait_for_port
from typer.testing import CliRunner

from services.chassis.bus import Bus
from services.chassis.errors import Invalid, Unavailable
from services.chassis.streams import Consumer, Delivery, Route
from services.contracts.plant import Place
from services.contracts.rights import dead_letter_rights
from services.contracts.subjects import (
    AUDIT_RECORDED,
    DEAD,
    PAUSE_REQUESTED,
    SERVICES,
    STATION,
    VERDICT_REACHED,
    WORK_REQUESTED,
    WORKREQUEST,
    inbox_of,
)
from tools.deadletters.cli import app
from tools.plant.broker import ADMIN, nats_config
from tools.plant.facts import kept
from tools.plant.provision import provision
from tools.plant.state import PartState, PlantState
from tools.ports import free_port

AT = Place("lyon", "smt1", "aoi1")
PATH = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
WHO = "undertaker"


@dataclass
class Broker:
    url: str
    folder: Path

    @asynccontextmanager
    async def as_(self, user: str) -> AsyncIterator[Bus]:
        bus = Bus(self.url, user, "pw", inbox_of(user))
        await bus.start()
        yield bus
        await asyncio.wait_for(bus.stop(), 5)

    async def said(self, *arguments: object) -> tuple[int, str]:
        """The command by an account that has the rights of dead letters and no others."""
        access = ["--nats", self.url, "--user", WHO, "--password-file", self.folder / "pw"]
        return await asyncio.to_thread(call, *arguments, *access)


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    port = free_port()
    config = json.loads(nats_config(f"127.0.0.1:{port}", tmp_path / "js", dict.fromkeys((ADMIN, *SERVICES), "pw")))
    publish, subscribe = dead_letter_rights(WHO)
    rights = {"publish": {"allow": publish}, "subscribe": {"allow": subscribe}}
    config["authorization"]["users"].append({"user": WHO, "password": "pw", "permissions": rights})
    (tmp_path / "nats.conf").write_text(json.dumps(config))
    (tmp_path / "pw").write_text("pw\n")
    files = ["-c", str(tmp_path / "nats.conf"), "-l", str(tmp_path / "nats.log")]
    process = subprocess.Popen(["nats-server", *files])
    wait_for_port(port)
    yield Broker(f"nats://127.0.0.1:{port}", tmp_path)
    process.kill()
    process.wait()


@pytest.fixture
async def admin(broker: Broker) -> AsyncIterator[Bus]:
    async with broker.as_(ADMIN) as bus:
        await provision(bus)
        yield bus


async def waiting(admin: Bus, stream: str = DEAD.name) -> int:
    return (await admin.jetstream.stream_info(stream)).state.messages


async def parked(
    broker: Broker, subject: str, data: bytes, *, by: str, reason: str = "no such line", number: int = 7
) -> None:
    """As `Consumer` parks it."""
    origin = {"jidoka-dead-reason": reason, "jidoka-dead-subject": subject, "jidoka-dead-sequence": str(number)}
    async with broker.as_(by) as bus:
        await bus.publish(f"jidoka.v1.dead.{by}.{subject.split('.')[2]}", data, f"{by}:X:{number}", extra=origin)


async def acts(admin: Bus) -> list[tuple[str, str]]:
    found: list[audit_pb2.Recorded] = [fact.message async for fact in kept(admin, AUDIT_RECORDED)]
    assert all(one.user and one.role == WHO and one.HasField("at") for one in found)
    return [(one.act, one.result) for one in found]


async def test_what_a_service_could_not_use_is_shown_and_said_again_when_that_is_mended(broker: Broker, admin: Bus):
    mended, taken = asyncio.Event(), []

    async def handle(message: workrequest_pb2.WorkRequested, delivery: Delivery) -> None:
        if not mended.is_set():
            raise Invalid("is nowhere mapped", field="equipment_id", fix="add it")
        taken.append(message.key)

    request = workrequest_pb2.WorkRequested(key="k1", title="clean the stencil", station=PATH)
    async with broker.as_("mes-connector") as bus, broker.as_("postprocessing") as rules:
        await rules.publish(WORK_REQUESTED.at(AT), request, "k1")
        consumer = Consumer(bus, WORKREQUEST.name, [Route(WORK_REQUESTED.everywhere, type(request), handle)])
        await consumer.start()
        async with asyncio.timeout(30):
            while not await waiting(admin):  # noqa: ASYNC110  # a stream has no event for it
                await asyncio.sleep(0.02)

        code, told = await broker.said("list")
        assert code == 0, told
        for word in ("1", "mes-connector", "workrequest.requested", "lyon/smt1/aoi1", "is nowhere mapped"):
            assert word in told
        code, told = await broker.said("show", 1)
        assert code == 0, told
        assert '"title": "clean the stencil"' in told
        assert WORK_REQUESTED.at(AT) in told

        mended.set()
        code, told = await broker.said("replay", 1)
        assert code == 0, told
        await until(lambda: taken == ["k1"])
        await consumer.stop()

    assert await waiting(admin) == 0
    assert await acts(admin) == [("replay dead letter", "Begun"), ("replay dead letter", "Good")]
    again = [fact async for fact in kept(admin, WORK_REQUESTED)]
    assert len(again) == 2
    code, told = await broker.said("replay", 1)
    assert (code, "there is no dead letter 1" in told) == (2, True)


@pytest.mark.parametrize(
    ("subject", "message", "by", "stream", "says"),
    [
        (VERDICT_REACHED, verdict_pb2.Verdict(inspection_id="i1", station=PATH), "mqtt-mirror", STATION.name, "count"),
        (PAUSE_REQUESTED, line_pb2.PauseRequested(request_id="r1", station=PATH), "opcua-bridge", "LINE", "stop"),
    ],
)
async def test_what_would_be_another_part_or_another_stop_is_never_said_again(
    broker: Broker, admin: Bus, subject, message, by, stream, says
):
    await parked(broker, subject.at(AT), message.SerializeToString(), by=by)

    code, told = await broker.said("replay", 1)
    assert (code, says in told) == (2, True), told
    assert await waiting(admin, stream) == 0
    assert await waiting(admin) == 1
    assert await acts(admin) == []

    code, told = await broker.said("drop", 1)
    assert code == 0, told
    assert await waiting(admin) == 0
    assert await acts(admin) == [("drop dead letter", "Begun"), ("drop dead letter", "Good")]


async def test_what_cannot_be_read_is_shown_as_bytes_and_its_reason_is_harmless_on_a_terminal(
    broker: Broker, admin: Bus
):
    await parked(
        broker, WORK_REQUESTED.at(AT), b"\xff\xfe", by="mes-connector", reason="not a \x1b[2J[red]thing \u00fc or"
    )

    code, told = await broker.said("list")
    assert (code, "\x1b" in told, "[red]thing \u00fc or" in told) == (0, False, True), told
    code, told = await broker.said("show", 1)
    assert (code, "ff fe" in told) == (0, True), told
    code, told = await broker.said("replay", 1)
    assert (code, "drop it" in told) == (2, True), told
    assert await waiting(admin) == 1


async def test_all_that_can_be_is_said_again_and_the_rest_stays_until_it_is_dropped(broker: Broker, admin: Bus):
    for number in range(3):
        request = workrequest_pb2.WorkRequested(key=f"k{number}", station=PATH)
        await parked(broker, WORK_REQUESTED.at(AT), request.SerializeToString(), by="mes-connector", number=number)
    await parked(broker, VERDICT_REACHED.at(AT), b"", by="mqtt-mirror")

    code, told = await broker.said("replay", "--all")
    assert (code, "3 said again, 1 stays" in told) == (0, True), told
    assert (await waiting(admin, WORKREQUEST.name), await waiting(admin)) == (3, 1)
    code, told = await broker.said("list")
    assert (code, "verdict.reached" in told) == (0, True)
    code, told = await broker.said("drop", "--all", "--yes")
    assert (code, await waiting(admin)) == (0, 0), told
    code, told = await broker.said("list")
    assert (code, "There are none" in told) == (0, True)
    assert len(await acts(admin)) == 8


async def test_the_rights_of_dead_letters_are_no_others(broker: Broker, admin: Bus):
    """Whoever clears dead letters may stop no line, judge no part, approve no rules, and read no stream but this."""
    async with broker.as_(WHO) as bus:
        for subject in (VERDICT_REACHED, PAUSE_REQUESTED):
            with pytest.raises(Unavailable):
                await bus.publish(subject.at(AT), b"", "x", deadline_s=0.5)
        for forbidden in (bus.jetstream.stream_info(STATION.name), bus.jetstream.delete_msg(STATION.name, 1)):
            with pytest.raises((NatsError, TimeoutError)):
                await forbidden


async def test_the_embedded_plant_is_found_by_its_folder_and_a_wrong_password_is_said_plainly(
    broker: Broker, admin: Bus, tmp_path: Path
):
    await parked(broker, VERDICT_REACHED.at(AT), b"", by="mqtt-mirror")
    root = tmp_path / "plant"
    (root / "secrets").mkdir(parents=True)
    (root / "secrets" / f"{ADMIN}.nats-password").write_text("pw")
    born = psutil.Process().create_time()
    PlantState(
        root=root,
        source=root / "plant.yaml",
        pid=os.getpid(),
        created=born,
        parts={"nats": PartState(gate="", url=broker.url)},
    ).write()

    code, told = await asyncio.to_thread(call, "list", "--state", root)
    assert (code, "verdict.reached" in told) == (0, True), told
    code, told = await asyncio.to_thread(call, "list", "--state", tmp_path / "nothing")
    assert (code, "no plant runs" in told) == (2, True), told
    (tmp_path / "wrong").write_text("nonsense")
    wrong = ["--nats", broker.url, "--user", WHO, "--password-file", tmp_path / "wrong"]
    code, told = await asyncio.to_thread(call, "list", *wrong)
    assert (code, "did not let us in" in told) == (2, True), told
    code, told = await asyncio.to_thread(call, "list", "--nats", broker.url)
    assert (code, "--user" in told) == (2, True), told
