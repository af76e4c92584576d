"""Slots are shared fairly among stations: one without back-off starves no other (faults.md, section 4)."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.preprocessing.domain.slots import FairSlots

A, B, C = "s1/l1/a", "s1/l1/b", "s1/l1/c"


def test_a_station_alone_may_have_all_but_what_is_kept_for_the_quiet_ones():
    slots = FairSlots(32, stations=4)

    assert sum(slots.take(A, 0.0) for _ in range(100)) == 29
    assert [slots.take(other, 0.0) for other in (B, C, "s1/l2/d")] == [True] * 3


def test_a_plant_with_one_station_loses_no_slot():
    slots = FairSlots(32, stations=1)

    assert sum(slots.take(A, 0.0) for _ in range(100)) == 32


def test_a_slot_that_comes_free_is_for_who_has_fewer_than_its_share():
    slots = FairSlots(8, stations=2)
    while slots.take(A, 0.0):
        pass
    assert slots.take(B, 0.0)
    for _ in range(3):
        slots.give_back(A)
        assert not slots.take(A, 0.0)  # it asks first, and has more than half
        assert slots.take(B, 0.0)

    assert (slots.held(A), slots.held(B)) == (4, 4)


def test_a_station_that_has_been_quiet_for_a_while_leaves_its_share_to_the_others():
    slots = FairSlots(8, stations=2)
    assert slots.take(B, 0.0)
    slots.give_back(B)

    assert sum(slots.take(A, 1.0) for _ in range(20)) == 4
    assert sum(slots.take(A, 60.0) for _ in range(20)) == 3  # and one is kept for it


def test_with_more_stations_than_slots_each_may_still_have_one():
    slots = FairSlots(2, stations=9)

    assert slots.take(A, 0.0)
    assert slots.take(B, 0.0)
    assert not slots.take(C, 0.0)
    slots.give_back(A)
    assert slots.take(C, 0.0)


moves = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.floats(0, 5)), max_size=300)


@given(limit=st.integers(1, 40), stations=st.integers(6, 12), moves=moves)
def test_never_more_than_the_limit_and_a_free_slot_goes_to_who_has_fewer_than_its_share(limit, stations, moves):
    """The model knows only who holds how much and who asked of late."""
    slots, held, asked_at, now_s = FairSlots(limit, stations), Counter(), {}, 0.0
    for station, comes, passes_s in moves:
        now_s += passes_s
        if not comes:
            if held[station]:
                slots.give_back(station)
                held[station] -= 1
            continue
        asked_at[station] = now_s
        active = sum(held[each] > 0 or now_s - at <= FairSlots.ACTIVE_S for each, at in asked_at.items())
        share = max(1, limit // active)
        free = limit - held.total()
        taken = slots.take(station, now_s)
        held[station] += taken
        assert held.total() <= limit
        if taken:
            assert held[station] <= share or held[station] == 1
        else:
            idle = stations - sum(count > 0 for count in held.values())
            kept = 0 if held[station] == 0 else min(idle, limit // 2)
            assert free <= kept or held[station] >= share
        assert slots.held(station) == held[station]


@given(stations=st.integers(2, 16), moves=st.lists(st.tuples(st.integers(0, 15), st.booleans()), max_size=400))
def test_who_holds_nothing_is_never_refused_when_there_are_twice_as_many_slots_as_stations(stations, moves):
    slots, held = FairSlots(32, stations), Counter()
    for number, comes in moves:
        station = f"s{number % stations}"
        if comes:
            taken = slots.take(station, 0.0)
            assert taken or held[station]
            held[station] += taken
        elif held[station]:
            slots.give_back(station)
            held[station] -= 1


@pytest.mark.parametrize("seed", range(5))
def test_beside_a_client_without_back_off_a_polite_station_is_never_refused(seed):
    """As in the measurement: 200 clients of one station ask all the time, another sends one part after the other."""
    draw, slots, now_s, refused, done = random.Random(seed), FairSlots(32, stations=2), 0.0, 0, 0
    working: list[tuple[float, str]] = []
    polite_at = 5.0
    while now_s < 60:
        now_s += 0.01
        for ends, station in [each for each in working if each[0] <= now_s]:
            working.remove((ends, station))
            slots.give_back(station)
            if station == B:
                polite_at, done = now_s + 0.5, done + 1
        while slots.take(A, now_s):
            working.append((now_s + draw.uniform(0.1, 2.0), A))
        if now_s >= polite_at:
            if slots.take(B, now_s):
                working.append((now_s + draw.uniform(0.1, 2.0), B))
                polite_at = float("inf")
            else:
                refused += 1

    assert refused == 0
    assert done > 20
