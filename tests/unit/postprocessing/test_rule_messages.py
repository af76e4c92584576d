"""What people read on a panel and in an order, and what the rules make of what they hear."""

import pytest
from jidoka.frame.v1 import frame_pb2
from jidoka.inspection.v1 import inspection_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.verdict.v1 import verdict_pb2
from rule_kit import CONSECUTIVE, Folded, book, run

from services.postprocessing.adapters import rule_messages
from services.postprocessing.domain.attribution import Cause, Spot
from services.postprocessing.domain.rules.action import What

AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
CAVITY = Cause("cavity", "7", 0.82, "cavity 7: 12 of 14 defective parts, 1 part in 8")
PLACE = Cause("place", "x 3 y 4 px", 0.5, "7 of 14 defective parts have it within 9 px of x 3 y 4 px of the picture")


def action(what: What, wish: str, **terms):
    return Folded(book({**CONSECUTIVE, "actions": [wish], **terms})).parts(run(1, 5, "open")).of(what)[0]


def test_an_order_names_the_cavity_before_the_quality_is_called_bad():
    order = rule_messages.work_requested(
        action(What.MAINTENANCE, "maintenance_request"), AT, (CAVITY, PLACE), "jidoka/lyon/electronics/smt1", "trace"
    )

    assert order.description.endswith(f"Likely: {CAVITY.evidence} (82 %); {PLACE.evidence} (50 %).")
    assert [(c.kind, c.value, round(c.confidence, 2)) for c in order.causes] == [
        ("cavity", "7", 0.82),
        ("place", "x 3 y 4 px", 0.5),
    ]
    assert order.equipment_id == "jidoka/lyon/electronics/smt1/aoi1"


def test_an_order_is_due_when_its_rule_says_so_and_otherwise_at_once():
    soon = rule_messages.work_requested(action(What.MAINTENANCE, "maintenance_request"), AT, (), "e", "trace")
    planned = rule_messages.work_requested(
        action(What.MAINTENANCE, "maintenance_request", due_h=8), AT, (), "e", "trace"
    )

    assert not soon.HasField("due_at")
    assert planned.due_at.seconds - planned.requested_at.seconds == 8 * 3600


@pytest.mark.parametrize(
    ("causes", "says"),
    [
        ((), "open: 5 parts in a row are defective"),
        ((CAVITY, PLACE), f"open: 5 parts in a row are defective. Likely: {CAVITY.evidence} (82 %)."),
    ],
)
def test_a_warning_is_one_sentence_and_the_likeliest_cause(causes, says):
    warning = rule_messages.warned(action(What.WARN, "warn"), AT, causes)

    assert warning.text == says
    assert len(warning.causes) == len(causes)


def test_a_defect_is_traced_to_its_place_on_the_golden_template():
    verdict = verdict_pb2.Verdict(station=AT, outcome=verdict_pb2.OUTCOME_FAIL, context={"cavity": "7"})
    verdict.part.CopyFrom(frame_pb2.PartRef(lot_id="lot", part_sequence=9))
    verdict.defects.add(label="open", x1_px=100, y1_px=50, x2_px=120, y2_px=60)
    verdict.defects.add(label="short")
    verdict.offset.CopyFrom(inspection_pb2.Offset(x_px=-4, y_px=2))
    traced = rule_messages.traced(verdict)

    assert traced.spots == (Spot("open", (114.0, 53.0)), Spot("short"))
    assert (traced.sequence, traced.lot, traced.origin) == (9, "lot", {"cavity": "7"})


def test_an_inconclusive_part_proves_nothing_about_its_cavity():
    assert rule_messages.traced(verdict_pb2.Verdict(outcome=verdict_pb2.OUTCOME_INCONCLUSIVE)) is None
    assert rule_messages.traced(verdict_pb2.Verdict()) is None


def test_a_measurement_belongs_to_its_tool_and_is_counted_apart_from_the_verdicts():
    message = measurement_pb2.Measurement(
        measurement_id="w1:force.rms", station=AT, tool="T4", sequence=3, name="force.rms", value=512.5
    )
    message.computed_at.FromSeconds(1_000)
    part = rule_messages.measured(message)

    assert (part.attribute("tool"), part.measurement, part.value) == ("T4", "force.rms", 512.5)
    assert part.channel == "aoi1/force.rms/T4"
    assert part.captured_at_s == 1_000, "a sensor without a clock is believed to measure when we compute"
