"""What the cameras and the faults of an ordeal note down: answers and runs, absences and helpers."""

import time

import pytest
from jidoka.verdict.v1 import verdict_pb2

from tools.chaos.ledgers import Span
from tools.chaos.plant_book import Book, Making, figures
from tools.chaos.plant_floor import PLC
from tools.chaos.plant_plan import CAMERAS, LINE_STREAM, Fault, Kind
from tools.chaos.plant_toll import Toll

NEVER = float("inf")


def verdict(number: int, label: str = "") -> verdict_pb2.Verdict:
    defects = [verdict_pb2.Defect(label=label)] if label else []
    return verdict_pb2.Verdict(inspection_id=f"i{number}", defects=defects)


@pytest.fixture
def book() -> Book:
    return Book()


def test_every_answer_is_noted_also_the_second_one_to_the_same_frame(book):
    for _ in range(2):
        book.answered("aoi1", 1, "open", verdict(1))
    assert [(said.station, said.inspection_id) for said in book.told] == [("aoi1", "i1")] * 2
    assert book.told_at("aoi1") > 0
    assert book.told_at("aoi2") == 0.0


def test_a_run_is_one_from_its_fifth_part_with_the_defect_on(book):
    book.making.append(Making("aoi1", first=3, began_at=0.0))
    for number in range(1, 8):
        assert book.fifth_at(book.making[0]) == NEVER
        book.answered("aoi1", number, "open", verdict(number, "open"))
    assert book.runs()[0].fifth_at < NEVER


def test_another_defect_breaks_the_run(book):
    book.making.append(Making("aoi1", first=1, began_at=0.0))
    for number in range(1, 9):
        book.answered("aoi1", number, "open", verdict(number, "short" if number == 4 else "open"))
    assert book.runs()[0].fifth_at == NEVER


def test_a_line_that_stood_before_the_fifth_part_was_told_owed_nothing(book):
    book.making.append(Making("aoi1", first=1, began_at=0.0, ended_at=1.0))
    for number in range(1, 6):
        book.answered("aoi1", number, "open", verdict(number, "open"))
    assert book.runs()[0].fifth_at == NEVER


def test_nobody_waits_for_a_stop_that_has_had_its_minute_but_absences_do_not_count(book):
    book.making.append(Making("aoi1", first=1, began_at=0.0))
    for number in range(1, 6):
        book.answered("aoi1", number, "open", verdict(number, "open"))
    assert not book.overdue(book.making[0], [])
    assert book.overdue(book.making[0], [], patience_s=-1.0)
    assert not book.overdue(book.making[0], [Span(0.0, time.time() + 60)], patience_s=0.0)


def test_refusals_are_counted_with_their_words(book):
    book.refused["invalid: no part"] += 2
    assert (figures(book)["refused"], figures(book)["refusals"]) == (2, {"invalid: no part": 2})


def test_only_what_a_stop_takes_counts_as_away_and_a_stand_by_as_its_twin():
    toll = Toll()
    for ticket, part in enumerate(["gateway", "opcua-bridge-2", PLC, CAMERAS, LINE_STREAM]):
        toll.out(ticket, part)
    toll.back(2)
    assert {span.of for span in toll.away()} == {"opcua-bridge-2", PLC, LINE_STREAM}


def test_the_toll_is_told_by_part_with_median_and_worst():
    toll = Toll(struck=[Fault(Kind.KILL, "nats", 0.0, 0.0)] * 3)
    toll.recovered += [Span(0.0, 1.0, "nats"), Span(0.0, 5.0, "nats"), Span(0.0, 2.0, "nats"), Span(0.0, 9.0, "mes")]
    toll.helped["mes"] += 1
    found = toll.figures()
    assert found["recovered_s"] == {"mes": 9.0, "nats": 5.0}
    assert found["recovered_median_s"] == {"mes": 9.0, "nats": 2.0}
    assert (found["faults"], found["needed_a_hand"], found["helped"]) == (3, 1, {"mes": 1})
