"""The search names the cause that the simulation put there, and holds its tongue when there is none."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.postprocessing.domain.attribution import Search, Spot, Traced, attribute

# No deadline: the machine that tests also trains.
quick = settings(deadline=None, max_examples=25)
WINDOWS = 60


def parts(rng, guilty=lambda part: False, *, count=400, bad=0.2, usual=0.01, cavities=8, lots=2, place=None):
    """A mould of `cavities`, filled in turn, four tools at random; `guilty` parts are defective at rate `bad`."""
    found = []
    for number in range(count):
        lot, sequence = number // (count // lots), number % (count // lots) + 1
        origin = {"cavity": str(sequence % cavities), "tool": f"T{rng.randrange(4)}"}
        part = Traced(sequence, f"L{lot}", (), origin)
        if rng.random() < (bad if guilty(part) else usual):
            centre = place if place and rng.random() < 0.5 else (rng.random(), rng.random())
            part = replace(part, spots=(Spot("open", centre),))
        found.append(part)
    return found


def bursts(rng, length=5, count=400):
    """Nothing but bad luck in bursts."""
    good, left = parts(rng, usual=0, count=count), 0
    for number, part in enumerate(good):
        left = length if rng.random() < 0.004 else max(0, left - 1)
        good[number] = replace(part, spots=(Spot("open", (rng.random(), rng.random())),) if left else ())
    return good


def named_first(kind, value, make):
    rng = random.Random(7)
    causes = [attribute(make(rng)) for _ in range(WINDOWS)]
    return sum(bool(found) and (found[0].kind, found[0].value) == (kind, value) for found in causes) / WINDOWS


def named_at_all(make):
    rng = random.Random(8)
    return sum(bool(attribute(make(rng))) for _ in range(WINDOWS)) / WINDOWS


def test_cavity_seven_is_said_in_words_an_operator_can_check():
    rng = random.Random(3)
    window = parts(rng, lambda part: part.origin["cavity"] == "7", count=160, bad=0.9, usual=0.015, lots=1)

    cause, *others = attribute(window)

    defects = sum(bool(part.spots) for part in window)
    there = sum(bool(part.spots) for part in window if part.origin["cavity"] == "7")
    assert (cause.kind, cause.value) == ("cavity", "7")
    assert cause.evidence == f"cavity 7: {there} of {defects} defective parts, 1 part in 8"
    assert 0.8 < cause.confidence <= 1
    assert others == [], "every 8th part is the cavity's own rhythm, not a second cause"


@pytest.mark.parametrize(
    ("kind", "value", "make"),
    [
        ("cavity", "7", lambda rng: parts(rng, lambda part: part.origin["cavity"] == "7", bad=0.25)),
        ("tool", "T1", lambda rng: parts(rng, lambda part: part.origin["tool"] == "T1")),
        ("lot", "L1", lambda rng: parts(rng, lambda part: part.lot == "L1", bad=0.4)),
        ("period", "5", lambda rng: parts(rng, lambda part: part.sequence % 5 == 2, bad=0.4, lots=1)),
        ("period", "12", lambda rng: parts(rng, lambda part: part.sequence % 12 == 2, bad=0.5, lots=1)),
        ("place", "x 0.42 y 0.13", lambda rng: parts(rng, usual=0.1, place=(0.42, 0.13))),
    ],
)
def test_the_true_cause_is_named_first_in_95_percent_of_the_windows(kind, value, make):
    assert named_first(kind, value, make) >= 0.95


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: parts(rng, usual=0.02),
        lambda rng: parts(rng, usual=0.15),
        bursts,
        lambda rng: bursts(rng, length=10),
        lambda rng: [replace(part, origin={f"k{n}": str(rng.randrange(20)) for n in range(6)}) for part in parts(rng)],
    ],
    ids=["few", "many", "bursts of 5", "bursts of 10", "six keys of twenty values"],
)
def test_random_defects_are_blamed_on_something_in_at_most_5_percent_of_the_windows(make):
    assert named_at_all(make) <= 0.05


def test_a_multiple_or_a_divisor_of_the_period_is_not_taken_for_it():
    rng = random.Random(9)
    found = [
        {cause.value for cause in attribute(parts(rng, lambda p: p.sequence % 6 == 1, cavities=1, lots=1, bad=0.6))}
        for _ in range(30)
    ]

    assert found.count({"6"}) >= 29


def test_a_tool_that_serves_the_bad_cavity_is_not_blamed_for_it():
    rng = random.Random(10)
    window = [
        replace(part, origin={**part.origin, "tool": "T1" if part.origin["cavity"] in "67" else part.origin["tool"]})
        for part in parts(rng, lambda part: part.origin["cavity"] == "7", bad=0.5)
    ]

    assert [(cause.kind, cause.value) for cause in attribute(window)] == [("cavity", "7")]


def test_two_bad_cavities_are_both_named():
    rng = random.Random(11)
    window = parts(rng, lambda part: part.origin["cavity"] in "25", bad=0.5)

    assert {cause.value for cause in attribute(window) if cause.kind == "cavity"} == {"2", "5"}


def test_what_cannot_be_told_apart_is_said_to_be_so():
    rng = random.Random(12)
    window = [
        replace(part, origin={**part.origin, "nozzle": f"N{part.origin['cavity']}"})
        for part in parts(rng, lambda part: part.origin["cavity"] == "7", bad=0.5)
    ]

    assert attribute(window)[0].evidence.endswith("; nozzle N7 has the same parts")


def test_one_label_is_explained_without_the_defects_of_another():
    rng = random.Random(13)
    window = [
        replace(part, spots=(*part.spots, *([Spot("short")] if rng.random() < 0.1 else [])))
        for part in parts(rng, lambda part: part.origin["cavity"] == "7", bad=0.5, usual=0)
    ]

    assert attribute(window, "short") == ()
    assert attribute(window, "open")[0].confidence == 1


@quick
@given(seed=st.integers(0, 2**32), bad=st.floats(0, 1), count=st.integers(0, 120))
def test_whatever_is_seen_the_answer_is_ranked_bounded_and_the_same_again(seed, bad, count):
    window = parts(random.Random(seed), lambda part: part.origin["cavity"] == "1", count=max(2, count), bad=bad)

    causes = attribute(window)

    assert causes == attribute(tuple(window))
    assert [cause.confidence for cause in causes] == sorted((c.confidence for c in causes), reverse=True)
    assert all(0 <= cause.confidence <= 1 and cause.evidence for cause in causes)
    assert len({(cause.kind, cause.value) for cause in causes}) == len(causes)


@quick
@given(seed=st.integers(0, 2**32), names=st.permutations("abcdefgh"))
def test_names_do_not_matter_and_old_parts_are_forgotten(seed, names):
    rng = random.Random(seed)
    window = parts(rng, lambda part: part.origin["cavity"] == "3", bad=0.5)
    renamed = [replace(p, origin={**p.origin, "cavity": names[int(p.origin["cavity"])]}) for p in window]
    search = Search(window=len(window))

    found = attribute(parts(rng, lambda _: True, bad=1) + renamed, search=search)

    assert [(c.kind, c.confidence) for c in found] == [(c.kind, c.confidence) for c in attribute(window)]
    assert found[0].value == names[3]
