"""`jidoka chaos line` draws the same faults for the same seed, and overlooks nothing when it counts."""

import pytest

from tools.chaos.line_faults import KINDS, drawn
from tools.chaos.line_tally import Intent, Receipts, Struck, by_fault, mistakes, reconciled
from tools.simulators.plc_memory import Effect

INTENTS = [Intent(f"r{n}", n, asked_at=10.0 * n, expires_at=10.0 * n + 5) for n in (1, 2, 3)]
EPOCH = 7 << 24


def receipts(**outcomes: str) -> Receipts:
    return Receipts(outcomes, dict.fromkeys(outcomes, 100.0), repeated=0)


def counted(effects: list[Effect], **outcomes: str) -> dict:
    return reconciled(INTENTS, receipts(**outcomes), effects) | {"crashed": 0}


ALL = {"r1": "confirmed", "r2": "expired", "r3": "link_down"}


def test_each_confirmed_request_has_its_one_effect_and_an_unseen_one_is_explained():
    found = counted([Effect(EPOCH | 1, 11.0), Effect(EPOCH | 3, 35.0)], **ALL)
    assert (found["effects"], found["confirmed"], found["unseen"]) == (2, 1, {"link_down": 1})
    assert (found["stale"], found["double"], found["unknown"], found["unanswered"]) == (0, 0, 0, 0)
    assert mistakes(found) == []


@pytest.mark.parametrize(
    ("effects", "outcomes", "said"),
    [
        ([Effect(EPOCH | 1, 15.01)], ALL, "1 effects after their request had expired"),
        ([Effect(EPOCH | 1, 11.0), Effect((8 << 24) | 1, 12.0)], ALL, "1 effects beyond the first of a request"),
        ([Effect(EPOCH | 1, 11.0), Effect(EPOCH | 9, 12.0)], ALL, "1 effects that nobody asked for"),
        ([], ALL, "1 confirmed requests without an effect"),
        ([Effect(EPOCH | 1, 11.0)], {"r1": "confirmed", "r2": "expired"}, "1 requests without a receipt"),
    ],
)
def test_whatever_must_not_be_is_found_and_named(effects, outcomes, said):
    assert mistakes(counted(effects, **outcomes)) == [said]


def test_second_receipts_and_processes_that_died_by_themselves_are_mistakes_too():
    good = counted([Effect(EPOCH | 1, 11.0)], **ALL)
    assert mistakes(good | {"repeated_receipts": 2}) == ["2 receipts beyond the first of a request"]
    assert mistakes(good | {"crashed": 1}) == ["1 processes that died by themselves"]


def test_a_fault_has_met_the_requests_that_were_open_while_it_lasted():
    told = Receipts(ALL, {"r1": 12.0, "r2": 24.0, "r3": 36.0}, repeated=0)
    struck = [Struck("cut", 11.0, 11.5), Struck("cut", 13.0, 19.0), Struck("frozen", 11.9, 30.0)]
    assert by_fault(struck, INTENTS, told) == {
        "cut": {"faults": 2, "met": 1, "confirmed": 1},
        "frozen": {"faults": 1, "met": 3, "confirmed": 1},
    }


def test_the_same_seed_draws_the_same_faults_and_each_kind_once_before_any_twice():
    assert drawn(200, 7) == drawn(200, 7) != drawn(200, 8)
    assert {fault.kind for fault in drawn(len(KINDS), 1)} == set(KINDS)
    assert all(0 <= fault.lasts_s <= KINDS[fault.kind].longest_s for fault in drawn(200, 7))
