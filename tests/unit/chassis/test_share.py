"""How duties are shared out: nobody keeps more than a fair share, and whatever happens, all end with somebody."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.crew import share


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_shares_of_all_hold_every_duty_and_nobody_has_more_than_one_above_the_least(duties, members):
    assert share(duties, members) * members >= duties
    assert (share(duties, members) - 1) * members < duties


def test_nobody_known_but_ourselves_is_alone():
    assert share(4, 0) == share(4, 1) == 4


@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 10**6))
def test_from_any_beginning_giving_up_and_taking_ends_with_fair_shares_of_everything(duties, members, seed):
    """One step: who has more than its share gives one up, and who has room takes one that is free."""
    chance = random.Random(seed)
    held = [0] * members
    for _ in range(chance.randint(0, duties)):
        held[chance.randrange(members)] += 1
    free, most = duties - sum(held), share(duties, members)
    for _ in range(3 * duties * members):
        one = chance.randrange(members)
        if held[one] > most:
            held[one], free = held[one] - 1, free + 1
        elif held[one] < most and free:
            held[one], free = held[one] + 1, free - 1
    for one in range(members):  # chance may have passed somebody over: everybody once more
        while held[one] > most:
            held[one], free = held[one] - 1, free + 1
    for one in range(members):
        while held[one] < most and free:
            held[one], free = held[one] + 1, free - 1
    assert free == 0
    assert max(held) <= most
