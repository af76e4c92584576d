"""The plan of `jidoka chaos verdicts`: every way to send a frame, every change, the same again for the same seed."""

from collections import Counter

from tools.chaos.verdicts_plan import VICTIMS, Event, Treatment, happenings, shots


def test_the_same_seed_draws_the_same_plan_and_another_one_another():
    assert shots(200, 7) == shots(200, 7) != shots(200, 8)
    assert happenings(2000, 7) == happenings(2000, 7) != happenings(2000, 8)


def test_frames_are_numbered_from_one_and_each_treatment_is_met_even_by_few():
    plan = shots(20, 1)
    assert [shot.number for shot in plan] == list(range(1, 21))
    assert {shot.treatment for shot in plan} == set(Treatment)
    assert all((shot.later > 0) == (shot.treatment is Treatment.LATER) for shot in plan)


def test_a_short_ordeal_meets_every_kind_of_change_and_a_long_one_kills_every_part_in_its_turn():
    assert {each.event for each in happenings(20, 1)} == set(Event)
    killed = Counter(each.victim for each in happenings(10_000, 1) if each.event is Event.KILL)
    assert set(killed) == set(VICTIMS)
    assert max(killed.values()) - min(killed.values()) <= 1


def test_happenings_come_in_order_and_while_frames_are_made():
    plan = happenings(500, 3)
    assert [each.after for each in plan] == sorted(each.after for each in plan)
    assert all(0 <= each.after < 490 for each in plan)
