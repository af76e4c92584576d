"""R2: a verdict's times belong to the part: derived again, it has them too."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jidoka.inspection.v1 import inspection_pb2

from services.contracts import plant as plants
from services.postprocessing.adapters import wire
from services.postprocessing.domain.verdict import judge
from tools.replay.verdict import again

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
RECIPE = PLANT.recipes[0]
AT = Timestamp(seconds=1_800_000_000)


@pytest.mark.parametrize(
    "times", [{}, {"captured_at": AT}, {"taken_at": AT, "late": True}, {"captured_at": AT, "taken_at": AT}]
)
def test_a_verdict_derived_again_has_the_times_of_the_stored_one(times):
    inspection = inspection_pb2.Inspection(inspection_id="i-1", recipe=RECIPE.name, **times)
    limits = wire.limits(RECIPE, inspection)
    judgement = judge(wire.candidates(inspection), wire.findings(inspection), limits)
    stored = wire.verdict(inspection, judgement, RECIPE, limits, 2, datetime(2027, 1, 15, tzinfo=UTC))

    assert again(stored, PLANT) == []
