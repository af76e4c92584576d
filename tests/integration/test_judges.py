"""One contract for the judge and for its twin in other tests (review B1: two twins contradicted each other)."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jidoka.verdict.v1 import verdict_pb2, verdict_service_pb2
from twins.judge import TwinJudge

from services.chassis.bus import Bus
from services.chassis.errors import Conflict
from services.contracts import plant as plants
from services.postprocessing.adapters.grpc_api import VerdictServicer
from services.preprocessing.adapters.judge import to_wire
from services.preprocessing.domain.frame import Candidate, Frame, Seen, ServedModel
from services.preprocessing.ports import Judge

DEMO = plants.load(Path(__file__).resolve().parents[2] / "deploy/plants/demo.yaml")


class RealJudge:
    """Postprocessing's own, without the wire between."""

    def __init__(self, bus: Bus) -> None:
        self._servicer = VerdictServicer(DEMO, bus, lambda: datetime.now(UTC), lambda _: 1)

    async def judge(self, seen: Seen) -> verdict_pb2.Verdict:
        request = verdict_service_pb2.JudgeRequest(inspection=to_wire(seen))
        return (await self._servicer.Judge(request, None)).verdict


@pytest.fixture(params=["real", "twin"])
def judge(request, bus: Bus) -> Judge:
    return RealJudge(bus) if request.param == "real" else TwinJudge()


def seen(inspection_id: str, image: bytes = b"picture", number: int = 1) -> Seen:
    frame = Frame(inspection_id, "lyon", "smt1", "aoi1", "lot1", number, "board", "pcb", image, 0.0)
    sha256 = hashlib.sha256(image).hexdigest()
    bad = Candidate("open", 10, 10, 40, 40, 0.95)
    return Seen(frame, (bad,), (), sha256, "golden", ServedModel("m", "1", "d", ("open",)), "digest")


async def test_the_verdict_is_about_the_part_that_was_seen(judge):
    verdict = await judge.judge(seen("i1"))
    assert (verdict.inspection_id, verdict.station.station, verdict.part.part_sequence) == ("i1", "aoi1", 1)
    assert verdict.provenance.image_sha256 == seen("i1").image_sha256
    assert verdict.outcome == verdict_pb2.OUTCOME_FAIL


async def test_the_same_frame_again_gets_the_first_verdict(judge):
    assert await judge.judge(seen("i1")) == await judge.judge(seen("i1"))


@pytest.mark.parametrize("other", [{"image": b"another"}, {"number": 2}])
async def test_another_picture_or_part_under_the_id_is_a_conflict_and_leaves_the_first_verdict(judge, other):
    first = await judge.judge(seen("i1"))
    with pytest.raises(Conflict):
        await judge.judge(seen("i1", **other))
    assert await judge.judge(seen("i1")) == first
