"""Pictures of an incident from the camera to the browser, over a real broker with the rights of each service."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from jidoka.verdict.v1 import verdict_pb2
from nats.js.errors import APIError
from servers import wait_for_port
from twins.judge import TwinJudge

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import Conflict
from services.contracts.evidence import Evidence
from services.contracts.subjects import EVIDENCE, SERVICES, inbox_of
from services.gateway.adapters import evidence_api, http_errors
from services.gateway.adapters.door import Door
from services.gateway.adapters.stored_verdicts import StoredVerdicts
from services.gateway.domain import Bounded, View
from services.preprocessing.adapters.evidence import DROPPED, KEPT, KeptEvidence
from services.preprocessing.domain.frame import Frame, Seen, ServedModel
from tools.plant import leash
from tools.plant.broker import ADMIN, nats_config
from tools.plant.provision import provision
from tools.ports import free_port

PNG = b"\x89PNG\r\n\x1a\n"
PEOPLE = {"vera": "viewer", "ada": "admin"}


class Broker:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        passwords = dict.fromkeys((ADMIN, *SERVICES), "pw")
        (folder / "nats.conf").write_text(nats_config(f"127.0.0.1:{self.port}", folder / "js", passwords))
        self.start()

    def start(self) -> None:
        files = ["-c", str(self.folder / "nats.conf"), "-l", str(self.folder / "nats.log")]
        self.process = leash.popen(["nats-server", *files])
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


@asynccontextmanager
async def connected(broker: Broker, user: str) -> AsyncIterator[Bus]:
    bus = Bus(broker.url, user, "pw", inbox_of(user))
    await bus.start()
    yield bus
    await asyncio.wait_for(bus.stop(), 5)


STATIONS = ("lyon/smt1/aoi1", "lyon/smt1/aoi2")


def seen(inspection_id: str, image: bytes, station: str = "aoi1") -> Seen:
    frame = Frame(inspection_id, "lyon", "smt1", station, "lot1", 1, "board", "pcb", image, 0.0)
    sha256 = hashlib.sha256(image).hexdigest()
    return Seen(frame, (), (), sha256, "golden", ServedModel("m", "1", "d", ()), "digest")


class Tokens:
    async def verify(self, authorization: str) -> Principal:
        name = authorization.removeprefix("Bearer ")
        return Principal(name, "browser", frozenset(), frozenset({PEOPLE[name]}))


class Browser:
    """The gateway's endpoint, and whoever looks at it."""

    def __init__(self, bus: Bus, most_bytes: int = 8 << 20) -> None:
        self.view = View(Bounded(10), Bounded(10), Bounded(10))
        app = FastAPI()
        http_errors.install(app)
        verdicts = StoredVerdicts(bus, self.view, STATIONS)
        evidence_api.install(app, verdicts, Door(Tokens()), evidence_api.StoredPictures(bus, most_bytes))
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")

    async def get(self, inspection_id: str, name: str = "vera", station: str = "") -> httpx.Response:
        url = f"/v1/inspections/{inspection_id}/image" + (f"?station={station}" if station else "")
        return await self._client.get(url, headers={"Authorization": f"Bearer {name}"})


@pytest.fixture
async def admin(broker: Broker) -> AsyncIterator[Bus]:
    async with connected(broker, ADMIN) as bus:
        await provision(bus, Evidence(most_mib=2))
        yield bus


@pytest.fixture
async def evidence(broker: Broker, admin: Bus) -> AsyncIterator[KeptEvidence]:
    async with connected(broker, "preprocessing") as bus:
        evidence = KeptEvidence(TwinJudge(), bus, 64 << 20)
        await evidence.start()
        yield evidence
        await evidence.stop()


@pytest.fixture
async def browser(broker: Broker, admin: Bus) -> AsyncIterator[Browser]:
    async with connected(broker, "gateway") as bus:
        yield Browser(bus)


async def stored(evidence: KeptEvidence, *pictures: tuple[str, bytes]) -> None:
    for inspection_id, image in pictures:
        await evidence.judge(seen(inspection_id, image))
    async with asyncio.timeout(30):
        await evidence._idle.wait()


def told(inspection_id: str, image_sha256: str) -> dict:
    """A verdict as the view has it."""
    at = {"site": "lyon", "line": "smt1", "station": "aoi1"}
    provenance = {"imageSha256": image_sha256}
    return {"inspectionId": inspection_id, "station": at, "outcome": "OUTCOME_FAIL", "provenance": provenance}


async def test_people_with_the_right_see_the_cameras_own_file_and_nobody_else(broker, evidence, browser):
    small, large = PNG + b"small", b"\xff\xd8\xff" + bytes(range(256)) * 2_000  # 512 kB: several messages
    await stored(evidence, ("i:1", small), ("i-2", large))

    answer = await browser.get("i:1")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, small, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=86400, immutable"
    assert ((second := await browser.get("i-2")).content, second.headers["content-type"]) == (large, "image/jpeg")
    assert (await browser.get("i:1", "ada")).status_code == 403
    assert "Permissions Violation" not in (broker.folder / "nats.log").read_text()


async def test_two_stations_with_the_same_ids_each_keep_their_own_picture(evidence, browser):
    here, there = PNG + b"here", PNG + b"there"
    await evidence.judge(seen("i1", here))
    await evidence.judge(seen("i1", there, "aoi2"))
    async with asyncio.timeout(30):
        await evidence._idle.wait()

    found = [(await browser.get("i1", station=station)).content for station in STATIONS]
    assert found == [here, there]
    unclear = await browser.get("i1")
    assert (unclear.status_code, unclear.json()["field"]) == (409, "station")
    assert "?station=lyon/smt1/aoi1" in unclear.json()["fix"]


async def test_another_picture_under_a_used_id_leaves_the_first_ones_evidence(evidence, browser):
    await stored(evidence, ("i1", PNG + b"first"))
    with pytest.raises(Conflict):
        await evidence.judge(seen("i1", PNG + b"second"))
    await stored(evidence, ("i1", PNG + b"first"))

    assert (await browser.get("i1")).content == PNG + b"first"


async def test_what_is_not_there_or_not_what_was_judged_is_said_so(evidence, browser):
    await stored(evidence, ("i1", PNG), ("text", b"<script>"))
    browser.view.on_verdict("lyon/smt1", told("i1", "of another picture"))

    missing = await browser.get("nobody")
    assert missing.status_code == 404
    assert "kept only of parts that did not pass, and not for ever" in missing.json()["fix"]
    assert (await browser.get("i1")).json()["detail"] == "the stored picture is not the one that was judged"
    assert (await browser.get("text")).json()["detail"] == "the stored file is no picture"
    assert (await browser.get("x" * 65)).status_code == 400


async def test_a_picture_that_is_too_large_stays_where_it_is(broker, admin, evidence):
    await stored(evidence, ("i1", PNG + bytes(2_000)))
    async with connected(broker, "gateway") as bus:
        answer = await Browser(bus, most_bytes=1_000).get("i1")

    assert (answer.status_code, answer.json()["fix"]) == (409, "at most 1000 bytes leave here")


async def test_the_oldest_gives_way_when_the_bucket_is_full_and_is_then_not_found(admin, evidence, browser):
    pictures = [(f"i{n}", PNG + bytes([n]) * 300_000) for n in range(12)]  # 3.6 MB into 2 MiB
    await stored(evidence, *pictures)

    found = [(await browser.get(name)).status_code for name, _ in pictures]
    assert found == sorted(found, reverse=True)  # 404 first, then 200
    assert (found[0], found[-1]) == (404, 200)
    assert 5 <= found.count(200) <= 7
    bucket = await admin.jetstream.object_store(EVIDENCE)
    assert (await bucket.status()).size <= 2 << 20


async def test_what_the_plant_file_says_of_keeping_holds_and_can_be_changed(admin):
    config = (await admin.jetstream.stream_info(f"OBJ_{EVIDENCE}")).config
    assert (config.max_age, config.max_bytes, config.discard) == (14 * 86_400, 2 << 20, "old")

    await provision(admin, Evidence(keep_days=30, most_mib=4))
    config = (await admin.jetstream.stream_info(f"OBJ_{EVIDENCE}")).config
    assert (config.max_age, config.max_bytes) == (30 * 86_400, 4 << 20)


@pytest.mark.parametrize("service", ["postprocessing", "mes-connector"])
async def test_no_other_service_reads_the_pictures(broker, evidence, service):
    await stored(evidence, ("i1", PNG))
    async with connected(broker, service) as bus:
        with pytest.raises((APIError, TimeoutError)):
            await bus.jetstream.object_store(EVIDENCE)


async def test_while_the_broker_is_away_verdicts_go_on_and_the_loss_is_counted(broker, evidence, browser):
    lost, kept = (DROPPED.labels("broker")._value.get(), KEPT._value.get())
    broker.kill()
    verdict = await evidence.judge(seen("i1", PNG))
    assert verdict.outcome == verdict_pb2.OUTCOME_FAIL
    async with asyncio.timeout(30):
        await evidence._idle.wait()
    assert DROPPED.labels("broker")._value.get() == lost + 1

    broker.start()
    async with asyncio.timeout(60):  # until the connection is back
        while KEPT._value.get() == kept:
            await stored(evidence, ("i2", PNG))
    async with asyncio.timeout(60):  # the gateway's own connection comes back by itself
        while (answer := await browser.get("i2")).status_code == 503:  # noqa: ASYNC110  # the connection has no event for it
            await asyncio.sleep(0.05)
    assert (answer.status_code, answer.content) == (200, PNG)
