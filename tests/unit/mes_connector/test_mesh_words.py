"""What the mesh says becomes the domain's words, with all that a person at the MES needs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from jidoka.frame.v1.frame_pb2 import StationPath
from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.chassis.errors import Invalid
from services.chassis.streams import Delivery
from services.contracts import plant as plants
from services.mes_connector.adapters.bus import routes, work_request
from services.mes_connector.adapters.evidence import Gallery, links
from services.mes_connector.domain.progress import Note, Progress, Status
from services.mes_connector.domain.work_request import Cause, Link

DELIVERY = Delivery("jidoka.v1.workrequest.requested.lyon.smt1.aoi1", 1, datetime(2026, 11, 20, tzinfo=UTC), False)
ASKED = wire.WorkRequested(
    key="k1",
    episode_id="e1",
    kind=wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY,
    title="open, supplier A",
    priority=2,
    equipment_id="jidoka/lyon/electronics/smt1/aoi1",
    station=StationPath(site="lyon", line="smt1", station="aoi1"),
    defect_label="open",
    lot_id="lot-7",
    first_part_sequence=11,
    last_part_sequence=15,
    inspection_ids=["i11", "i15"],
    trace_id="0af7651916cd43dd8448eb211c80319c",
    statistic=5.0,
    limit=4.5,
    scope={"supplier": "A", "material": "PCB-4711"},
    causes=[wire.Cause(kind="cavity", value="7", confidence=0.5, evidence="12 of 14")],
)


class Heard:
    """An intake that notes what it gets."""

    def __init__(self) -> None:
        self.notes: list[tuple] = []
        self.progress: list[Progress] = []

    async def note(self, episode_id: str, note: Note) -> None:
        self.notes.append((episode_id, note))

    async def reported(self, progress: Progress) -> None:
        self.progress.append(progress)


def handler(heard: Heard, message: object):
    return next(route.handler for route in routes(heard, "sandbox") if route.message is type(message))


def test_why_it_fired_what_the_parts_share_and_where_to_look_come_along():
    request = work_request(ASKED, DELIVERY)

    assert (request.statistic, request.limit) == (5.0, 4.5)
    assert (request.failure_code, request.cause_code) == ("open", "cavity")
    assert (request.supplier, request.material) == ("A", "PCB-4711")
    assert request.scope == (("material", "PCB-4711"), ("supplier", "A"))
    assert request.causes == (Cause("cavity", "7", 0.5, "12 of 14"),)
    assert request.evidence[:3] == (
        Link("replay", "jidoka replay i15 --station lyon/smt1/aoi1"),
        Link("trace", "jidoka trace 0af7651916cd43dd8448eb211c80319c"),
        Link("suspect_range", "lot lot-7, parts 11 to 15"),
    )


def test_an_order_shows_three_pictures_of_the_run_and_how_to_draw_its_chart():
    run = wire.WorkRequested()
    run.CopyFrom(ASKED)
    run.rule_id = "repeated-defect"
    run.inspection_ids[:] = [f"i:{n}" for n in range(11, 16)]
    at_the_gateway = Gallery("https://jidoka.example/")

    typed, clicked = (work_request(run, DELIVERY, gallery).evidence for gallery in (Gallery(), at_the_gateway))
    assert Link("chart", "jidoka rules chart e1") in typed
    assert [link.url_or_command for link in typed if link.what == "image"] == [
        "jidoka image i:11 --station lyon/smt1/aoi1",
        "jidoka image i:13 --station lyon/smt1/aoi1",
        "jidoka image i:15 --station lyon/smt1/aoi1",
    ]
    assert [link.url_or_command for link in clicked if link.what == "image"] == [
        f"https://jidoka.example/v1/inspections/i%3A{n}/image?station=lyon/smt1/aoi1" for n in (11, 13, 15)
    ]


@pytest.mark.parametrize(("inspections", "shown"), [([], 0), (["a"], 1), (["a", "b"], 2), (["a", "a", "a"], 1)])
def test_no_picture_is_shown_twice(inspections, shown):
    asked = wire.WorkRequested(inspection_ids=inspections)

    assert len([link for link in links(asked, Gallery()) if link.what == "image"]) == shown


def test_what_nobody_photographed_has_no_picture():
    """A measured value, or a part that never came: a link would lead nowhere."""
    gallery = Gallery.of(plants.load(Path("deploy/plants/demo.yaml")))
    worn = wire.WorkRequested(rule_id="tool-wear", episode_id="e1", inspection_ids=["w:1:force.rms"])

    assert gallery == Gallery("", frozenset({"tool-wear", "missing-parts"}))
    assert [link.what for link in links(worn, gallery)] == ["replay", "chart"]


def test_what_can_be_planned_has_its_date_and_the_rest_has_none():
    planned = wire.WorkRequested()
    planned.CopyFrom(ASKED)
    planned.due_at.FromSeconds(1_800_000_000)

    assert work_request(planned, DELIVERY).due_at == 1_800_000_000
    assert work_request(ASKED, DELIVERY).due_at == 0


async def test_the_same_signal_is_the_same_note_however_often_and_late_it_is_said():
    heard = Heard()
    news = wire.WorkRequestUpdated(key="k1", episode_id="e1", signals=4, text="x" * 5_000)
    later = Delivery("subject", 99, datetime(2026, 11, 25, tzinfo=UTC), True)
    for delivery in (DELIVERY, later):
        await handler(heard, news)(news, delivery)

    (first_episode, first), (_, second) = heard.notes
    assert (first_episode, first.id, second.id) == ("e1", "e1-note-4", "e1-note-4")
    assert len(first.text) == 2_000


async def test_a_report_counts_only_from_our_own_mes_and_only_with_a_status():
    heard = Heard()
    for system in ("sandbox", "another"):
        report = wire.WorkRequestReported(key="k1", system=system, status=wire.ORDER_STATUS_COMPLETED, remark="done")
        await handler(heard, report)(report, DELIVERY)
    with pytest.raises(Invalid, match="status"):
        await handler(heard, report)(wire.WorkRequestReported(key="k1", system="sandbox"), DELIVERY)

    assert [(each.key, each.status, each.remark) for each in heard.progress] == [("k1", Status.COMPLETED, "done")]
