"""The sequential fold is the specification: no order, repetition, crash or redelivery changes an action."""

import json
import random
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rule_kit import CONSECUTIVE, LINE, Folded, book, part

from services.postprocessing.domain.checkpoint import line_from_data, line_to_data
from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules import folding
from services.postprocessing.domain.rules.action import What, order_key
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import MOST_EPISODES, LineState, Phase

CALLS = ["maintenance_request", "supplier_notice"]
RULES = book(
    {**CONSECUTIVE, "k": 4},
    {"id": "window", "kind": "k_of_n", "k": 3, "n": 8, "actions": ["warn", "pause_line"], "quiet_parts": 6},
    {"id": "cusum", "kind": "bernoulli_cusum", "h": 2.5, "by": ["station"], "actions": CALLS},
    {"id": "cavity", "kind": "consecutive", "k": 2, "by": ["station", "cavity", "class"], "actions": ["warn"]},
    {
        "id": "score",
        "kind": "ewma",
        "of": {"score": "any"},
        "mean": 0.2,
        "sigma": 0.3,
        "reset_on": ["lot", "resume"],
        "warm_up_parts": 5,
        "actions": ["warn"],
    },
    {"id": "lots", "kind": "lot_rate", "agreed_rate": 0.02, "n_min": 10, "actions": ["supplier_notice"]},
    {"id": "dull", "kind": "inconclusive_rate", "reset_on": ["lot"], "h": 2, "actions": ["warn"]},
    {"id": "missing", "kind": "missing_parts", "m": 2, "window": 20, "reset_on": ["lot"], "actions": ["warn"]},
    stop_budget={"stops": 3, "per_s": 60},
)
DRAWS = st.lists(
    st.sampled_from([(), (), (), (), ("open",), ("open",), ("short",), ("open", "short"), None]),
    min_size=5,
    max_size=70,
)
Event = tuple[str, Any]


@dataclass
class Story:
    """What really happened: parts, cut into stretches by what people and machines did about the actions."""

    stretches: list[list[Part]]
    answers: list[list[Event]]


def numbered(draws: list, rng: random.Random, lot_size: int, stations: tuple[str, ...] = ("aoi1",)) -> list[Part]:
    """One part after the other; some numbers are never judged."""
    parts = []
    for n, found in enumerate(draws):
        if rng.random() < 0.03:
            continue
        lot, sequence = f"lot{n // lot_size}", n % lot_size + 1
        more = {"lot": lot, "at_s": n // lot_size * lot_size * 0.1, "context": {"cavity": str(n % 3)}}
        more["previous_lot_parts"] = lot_size if n >= lot_size and len(stations) == 1 else 0
        station = rng.choice(stations)
        parts.append(
            part(sequence, inconclusive=True, station=station, **more)
            if found is None
            else part(sequence, *found, station=station, **more)
        )
    return parts


def lived(parts: list[Part], rng: random.Random) -> tuple[Story, Folded]:
    """Fold in order; after each stretch the PLC, the operator and the MES react to what stands open."""
    folded, story = Folded(RULES), Story([], [])
    while parts:
        size = rng.randint(5, 30)
        stretch, parts = parts[:size], parts[size:]
        folded.parts(stretch)
        now_s = max(each.captured_at_s for each in stretch) + 0.01
        answers: list[Event] = []
        for episode in folded.episodes:
            if episode.phase is Phase.REQUESTED:
                outcome = rng.choice([(True, False), (True, False), (False, True), (False, False)])
                answers.append(("settled", (episode.request_id, *outcome, now_s)))
                if outcome[0] and rng.random() < 0.8:
                    answers.append(("resumed", (episode.id, now_s + 0.01)))
            elif episode.ordered:
                orders = {*episode.awaits, order_key(What.SUPPLIER, episode.id)}
                answers += [("completed", (episode.id, key)) for key in sorted(orders) if rng.random() < 0.4]
        tell(folded, answers)
        story.stretches.append(stretch)
        story.answers.append(answers)
    return story, folded


def tell(folded: Folded, events: list[Event]) -> None:
    for what, told in events:
        if what == "part":
            folded.parts([told])
        elif what == "settled":
            folded.settled(told[0], confirmed=told[1], retry=told[2], at_s=told[3])
        elif what == "resumed":
            folded.resumed(*told)
        else:
            folded.completed(*told)


def swapped(stretch: list[Part], rng: random.Random) -> list[Part]:
    """Each part up to eight places late, across a change of lots as well."""
    return [each for _, each in sorted(enumerate(stretch), key=lambda item: item[0] + rng.uniform(0, 8))]


def disturbed(story: Story, rng: random.Random, *, swap: bool) -> list[Event]:
    """The same story as a bad network tells it: out of order, twice, and old frames again."""
    events: list[Event] = []
    for stretch, answers in zip(story.stretches, story.answers, strict=True):
        again = rng.sample(events, min(len(events), 3)) if rng.random() < 0.3 else []
        events += [event for event in again if event[0] == "part"]
        told = swapped(stretch, rng) if swap else stretch
        events += [("part", each) for each in told for _ in range(rng.choice([1, 1, 1, 2]))]
        events += answers * rng.choice([1, 1, 2])
    return events


def crashing(events: list[Event], rng: random.Random) -> Folded:
    """Fold with crashes: from the last checkpoint, through JSON, everything since then is delivered again."""
    folded, at = Folded(RULES), 0
    saved, saved_at = "", 0
    crashes = 6
    while at < len(events):
        tell(folded, [events[at]])
        at += 1
        if rng.random() < 0.2:
            saved, saved_at = json.dumps(line_to_data(folded.state)), at
        if crashes and rng.random() < 0.05:
            crashes -= 1
            folded.state = line_from_data(json.loads(saved)) if saved else LineState()
            at = saved_at
    return folded


@settings(max_examples=150, deadline=None)
@given(DRAWS, st.integers(12, 60), st.randoms(use_true_random=False))
def test_no_order_repetition_crash_or_redelivery_of_a_stations_parts_changes_an_action(draws, lot_size, rng):
    story, expected = lived(numbered(draws * 3, rng, lot_size), rng)
    found = crashing(disturbed(story, rng, swap=True), rng)

    assert {action.id for action in found.said} == {action.id for action in expected.said}
    assert decided(found) == decided(expected)


@settings(max_examples=100, deadline=None)
@given(DRAWS, st.integers(12, 60), st.randoms(use_true_random=False))
def test_nor_of_a_line_whose_stations_share_one_stop(draws, lot_size, rng):
    """Which station asks first, the order of the stream decides: the same one for every worker and every replay."""
    story, expected = lived(numbered(draws * 3, rng, lot_size, ("aoi1", "aoi1", "aoi2")), rng)
    found = crashing(disturbed(story, rng, swap=False), rng)

    assert decided(found) == decided(expected)


def decided(folded: Folded) -> dict[str, tuple]:
    """What each action says, not only that it was said; late parts may widen a containment later."""
    return {
        action.id: (action.what, action.episode.label, action.finding.first, action.finding.last)
        for action in folded.said
        if action.what is not What.CONTAIN
    }


def test_such_stories_do_stop_lines_call_people_and_end_incidents():
    """Or the property above would hold of silence."""
    seen: set[What] = set()
    phases = set()
    for seed in range(40):
        rng = random.Random(seed)
        draws = rng.choices([(), ("open",), ("open", "short"), None], [6, 3, 1, 1], k=150)
        story, folded = lived(numbered(draws, rng, 50), rng)
        seen |= {action.what for action in folded.said}
        phases |= {what for answers in story.answers for what, _ in answers}
        seen |= {What.WARN} if any(a.episode.rule_id == "stop-budget" for a in folded.said) else set()

    assert seen == set(What)
    assert phases == {"settled", "resumed", "completed"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30), st.integers(0, 400)), max_size=150))
def test_state_never_grows_without_bound(events):
    """Whatever numbers, lots, cavities and classes anybody sends."""
    rules = book(
        {**CONSECUTIVE, "by": ["station", "cavity", "class"], "groups": 8},
        {"id": "u", "kind": "u_chart", "u": 0.1, "by": ["station", "cavity"], "groups": 8, "actions": ["warn"]},
        {"id": "w", "kind": "k_of_n", "k": 2, "n": 1000, "by": ["station", "lot"], "groups": 8, "actions": ["warn"]},
    )
    state = LineState()
    for sequence, lot, cavity in events:
        each = part(sequence, f"class{cavity % 5}", lot=f"lot{lot}", context={"cavity": str(cavity)})
        state, _ = folding.on_part(state, each, LINE, rules)
        bounded(state, rules)


def bounded(state: LineState, rules: RuleBook) -> None:
    for order in state.orders.values():
        for lot in (order.lot, order.before):
            assert lot is None or len(lot.pending) <= rules.patience.parts
        assert len(order.past) <= 64
    for tracks in state.tracks.values():
        assert len(tracks.groups) <= 8
        for track in tracks.groups.values():
            assert all(len(mark.evidence) <= 64 and len(mark.state) <= 64 for mark in track.marks.values())
    assert len(state.episodes) <= MOST_EPISODES


def test_episodes_and_channels_have_a_limit_too():
    rules = book({**CONSECUTIVE, "k": 2, "by": ["station", "lot"], "actions": ["maintenance_request"]})
    folded = Folded(rules)
    for lot in range(MOST_EPISODES + 10):
        folded.parts([part(n, "open", lot=f"lot{lot}", at_s=lot) for n in (1, 2)])

    assert len(folded.of(What.MAINTENANCE)) == MOST_EPISODES + 10
    assert len(folded.episodes) == MOST_EPISODES
