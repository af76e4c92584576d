"""The plan of `jidoka chaos plant`: everything that an ordeal must meet, and the same again for the same seed."""

from collections import Counter

from tools.chaos.plant_plan import CAMERAS, LINE_STREAM, Kind, Scope, drawn

PARTS = ("nats", "redis", "gateway", "plc-lyon-smt1", "mes", "traces")
SCOPE = Scope(PARTS, frozenset(PARTS) - {"traces"}, "plc-lyon-smt1", "mes", "nats", "redis")


def test_the_same_seed_draws_the_same_plan_and_another_one_another():
    assert drawn(200, 7, SCOPE) == drawn(200, 7, SCOPE) != drawn(200, 8, SCOPE)


def test_with_room_enough_everything_happens_at_least_once():
    plan = drawn(200, 1, SCOPE)
    assert len(plan) == 200
    assert {(fault.kind, fault.part) for fault in plan} == set(SCOPE.kinds())
    for kind in (Kind.KILL, Kind.FREEZE, Kind.HANG, Kind.RESTART):
        assert {fault.part for fault in plan if fault.kind is kind} == set(PARTS)
    assert {fault.part for fault in plan if fault.kind is Kind.CUT} == set(SCOPE.wired)
    assert {fault.part for fault in plan if fault.kind in {Kind.AHEAD, Kind.BEHIND}} == {CAMERAS}
    assert {fault.part for fault in plan if fault.kind is Kind.ANEW} == {LINE_STREAM}


def test_nothing_happens_twice_before_everything_has_happened_once():
    plan = drawn(len(SCOPE.kinds()), 3, SCOPE)
    assert max(Counter((fault.kind, fault.part) for fault in plan).values()) == 1


def test_faults_last_as_long_as_they_may_and_freezes_between_one_and_twenty_seconds():
    plan = drawn(500, 5, SCOPE)
    assert all(1 <= fault.lasts_s <= 20 for fault in plan if fault.kind in {Kind.FREEZE, Kind.CUT})
    assert all(fault.lasts_s == 0 for fault in plan if fault.kind in {Kind.KILL, Kind.RESTART, Kind.HANG, Kind.FLUSH})
    assert all(fault.lasts_s <= 3 and fault.after_s <= 3 for fault in drawn(500, 5, SCOPE, longest_s=3))


def test_a_disk_that_cannot_be_filled_is_left_out():
    scope = Scope(PARTS, frozenset(), "plc-lyon-smt1", "mes", "nats", "redis", disk=False)
    assert Kind.FULL not in {fault.kind for fault in drawn(200, 1, scope)}
