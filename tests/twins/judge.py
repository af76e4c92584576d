"""The judge's twin for tests of whoever asks it: it keeps the contract of tests/integration/test_judges.py."""

from collections.abc import Callable

from jidoka.verdict.v1 import verdict_pb2

from services.chassis.errors import Conflict
from services.preprocessing.domain.frame import Seen

Answer = Callable[[Seen], verdict_pb2.Verdict]


def failed(seen: Seen) -> verdict_pb2.Verdict:
    """Every part is bad."""
    return verdict_pb2.Verdict(outcome=verdict_pb2.OUTCOME_FAIL)


class TwinJudge:
    """Judges each inspection of a station once: the same picture again gets the first verdict, another one Conflict."""

    def __init__(self, answer: Answer = failed) -> None:
        self.answer = answer
        self.stored: dict[tuple[str, ...], verdict_pb2.Verdict] = {}

    async def judge(self, seen: Seen) -> verdict_pb2.Verdict:
        frame = seen.frame
        key = (frame.site, frame.line, frame.station, frame.inspection_id)
        verdict = self.answer(seen)
        verdict.inspection_id = frame.inspection_id
        verdict.station.site, verdict.station.line, verdict.station.station = key[:3]
        verdict.part.lot_id, verdict.part.part_sequence = frame.lot_id, frame.part_sequence
        verdict.provenance.image_sha256 = seen.image_sha256
        first = self.stored.setdefault(key, verdict)
        if (first.provenance.image_sha256, first.part) != (seen.image_sha256, verdict.part):
            raise Conflict("has the verdict of another picture", field="inspection_id")
        return first
