"""Which pictures are kept, and that keeping them never costs an inspection anything."""

import asyncio
from types import SimpleNamespace

import pytest
from jidoka.verdict.v1 import verdict_pb2
from nats.errors import NoRespondersError

from services.preprocessing.adapters.evidence import DROPPED, KEPT, KeptEvidence
from services.preprocessing.domain.frame import Frame, Seen, ServedModel

PASS, FAIL, DOUBT = verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL, verdict_pb2.OUTCOME_INCONCLUSIVE


def seen(inspection_id: str, image: bytes = b"x" * 10) -> Seen:
    frame = Frame(inspection_id, "lyon", "smt1", "aoi1", "lot1", 1, "board", "pcb", image, 0.0)
    return Seen(frame, (), (), "sha", "golden", ServedModel("m", "1", "d", ()), "digest")


class Judge:
    outcome, sha256 = FAIL, "sha"

    async def judge(self, seen: Seen) -> verdict_pb2.Verdict:
        verdict = verdict_pb2.Verdict(inspection_id=seen.frame.inspection_id, outcome=self.outcome)
        verdict.provenance.image_sha256 = self.sha256
        return verdict


class Store:
    """A bucket that is away, or answers when it is let."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.open, self.away = asyncio.Event(), False
        self.jetstream = SimpleNamespace(object_store=self._bucket)

    async def _bucket(self, name: str) -> "Store":
        assert name == "evidence"
        return self

    async def put(self, name: str, data: bytes, about) -> None:
        if self.away:
            raise NoRespondersError
        await self.open.wait()
        assert about.headers == {"sha256": ["sha"]}
        self.kept[name] = data


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def evidence(judge, store):
    evidence = KeptEvidence(judge, store, most_bytes=30)
    await evidence.start()
    yield evidence
    store.open.set()
    await evidence.stop()


def lost(why: str) -> float:
    return DROPPED.labels(why)._value.get()


@pytest.mark.parametrize(("outcome", "kept"), [(PASS, False), (FAIL, True), (DOUBT, True), (0, True)])
async def test_whatever_is_no_pass_leaves_the_cameras_own_bytes(evidence, judge, store, outcome, kept):
    judge.outcome = outcome
    store.open.set()
    verdict = await evidence.judge(seen("i1", b"the file"))
    await evidence.stop()

    assert verdict.outcome == outcome
    assert store.kept == ({"lyon/smt1/aoi1/i1": b"the file"} if kept else {})


async def test_what_finds_no_room_is_dropped_and_counted_and_the_verdict_comes_all_the_same(evidence, store, caplog):
    before = lost("full")
    for n in range(6):
        assert (await evidence.judge(seen(f"i{n}"))).inspection_id == f"i{n}"

    assert lost("full") == before + 3
    store.open.set()
    await evidence.stop()
    assert [name.rsplit("/", 1)[1] for name in store.kept] == ["i0", "i1", "i2"]
    assert [r.getMessage() for r in caplog.records if "lost (full)" in r.getMessage()] != []
    assert len([r for r in caplog.records if "are lost" in r.getMessage()]) == 1  # said once, not three times


async def test_a_broker_that_is_away_costs_the_picture_and_nothing_else(evidence, store, caplog):
    before, kept = lost("broker"), KEPT._value.get()
    store.away = True
    await evidence.judge(seen("i1"))
    await evidence._idle.wait()
    assert lost("broker") == before + 1

    store.away = False
    store.open.set()
    await evidence.judge(seen("i2"))
    await evidence.stop()
    assert KEPT._value.get() == kept + 1
    assert [r.getMessage() for r in caplog.records if r.name == "jidoka.evidence"][-1].endswith("are kept again")


async def test_room_comes_back_with_every_picture_that_is_stored(evidence, store):
    before = lost("full")
    store.open.set()
    for n in range(20):
        await evidence.judge(seen(f"i{n}"))
        await evidence._idle.wait()

    assert (len(store.kept), lost("full")) == (20, before)
