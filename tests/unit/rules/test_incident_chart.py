"""The chart of an incident shows what the rules saw: their own statistic, their own limit, the part that made it."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.contracts.plant import Plant
from services.contracts.subjects import MEASUREMENT_RECORDED, PAUSE_SETTLED, STATION_SILENT, VERDICT_REACHED
from services.postprocessing.adapters import rule_messages
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.domain.rules.action import Action
from services.postprocessing.handlers import RuleKeeper
from tools.plant.facts import Stored
from tools.replay.rules import NoCheckpoint
from tools.rules.chart import svg
from tools.rules.incident import Incident, incident

DEMO = yaml.safe_load(Path("deploy/plants/demo.yaml").read_text())
HERE = ("lyon", "smt1", "aoi1")
PASS, FAIL, DOUBT = verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL, verdict_pb2.OUTCOME_INCONCLUSIVE
SVG = "{http://www.w3.org/2000/svg}"


def plant(**rule: Any) -> Plant:
    own = {"id": "rule", "actions": ["warn"], **rule}
    return Plant.model_validate({**DEMO, "rule_set": {**DEMO["rule_set"], "rules": [own]}})


def at(message: Any) -> Any:
    message.station.site, message.station.line, message.station.station = HERE
    return message


def verdict(number: int, *labels: str, outcome: int = 0, score: float = 0.9, lot: str = "lot1") -> Any:
    found = at(verdict_pb2.Verdict(inspection_id=f"{lot}-{number}", recipe="pcb", recipe_version=1))
    found.part.lot_id, found.part.part_sequence = lot, number
    found.outcome = outcome or (FAIL if labels else PASS)
    for label in labels:
        found.defects.add(label=label, score=score, x2_px=10, y2_px=10, area_px2=100)
    for stamp in (found.captured_at, found.judged_at):
        stamp.FromSeconds(1_000_000 + number)
    return found


def measured(number: int, value: float) -> Any:
    found = at(measurement_pb2.Measurement(measurement_id=f"m{number}", name="force.rms", value=value, tool="t1"))
    found.sequence = number
    found.computed_at.FromSeconds(1_000_000 + number)
    return found


def stored(messages: Sequence[Any]) -> list[Stored]:
    subjects = {
        verdict_pb2.Verdict: VERDICT_REACHED,
        measurement_pb2.Measurement: MEASUREMENT_RECORDED,
        line_pb2.PauseSettled: PAUSE_SETTLED,
        line_pb2.StationFellSilent: STATION_SILENT,
    }
    return [
        Stored(subjects[type(m)].at(m.station), m.SerializeToString(), "", number, datetime.now(UTC))
        for number, m in enumerate(messages, 1)
    ]


class Said:
    def __init__(self) -> None:
        self.actions: list[Action] = []

    async def emit(self, _line: str, action: Action, _causes: Any) -> None:
        self.actions.append(action)


async def opened(facts: Sequence[Stored], known: Plant) -> str:
    """The id of the first incident, as the plant itself would say it."""
    said = Said()
    keeper = RuleKeeper("lyon/smt1", text_of(known), book_of, NoCheckpoint(), said)
    for fact in facts:
        message: Any = fact.decoded()
        if isinstance(message, verdict_pb2.Verdict):
            await keeper.on_part(rule_messages.part(message), fact.sequence)
        elif isinstance(message, measurement_pb2.Measurement):
            await keeper.on_part(rule_messages.measured(message), fact.sequence)
        else:
            await keeper.on_silence("aoi1", message.noticed_at.seconds, fact.sequence)
        if said.actions:
            break
    return said.actions[0].episode.id


async def each(facts: Sequence[Stored]) -> AsyncIterator[Stored]:
    for fact in facts:
        yield fact


async def found_in(messages: Sequence[Any], known: Plant) -> Incident:
    facts = stored(messages)
    return await incident(each(facts), known, await opened(facts, known))


def every_tenth(first: int, last: int, share: int) -> list[Any]:
    return [verdict(n, *(["open"] if n >= first and n % share == 0 else [])) for n in range(1, last + 1)]


WEAR = [measured(n, 300.0) for n in range(1, 11)] + [measured(n, 300.0 + 5 * (n - 10)) for n in range(11, 60)]
FORCE = {"of": {"measurement": "force.rms"}, "by": ["station", "tool"]}
CASES = {
    "consecutive": ({"k": 5}, [verdict(n, *(["open"] if n > 9 else [])) for n in range(1, 20)]),
    "k_of_n": ({"k": 3, "n": 10}, every_tenth(20, 40, 3)),
    "bernoulli_cusum": ({}, every_tenth(50, 120, 4)),
    "p_chart": ({"p": 0.02}, every_tenth(251, 800, 10)),
    "u_chart": (
        {"u": 0.05},
        [verdict(n, *(["open", "short"] if n > 200 and n % 5 == 0 else [])) for n in range(1, 400)],
    ),
    "lot_rate": ({"agreed_rate": 0.01, "actions": ["supplier_notice"]}, every_tenth(100, 300, 8)),
    "missing_parts": ({"m": 3, "window": 20}, [verdict(n) for n in range(1, 60) if n not in (30, 33, 36)]),
    "inconclusive_rate": (
        {},
        [verdict(n, outcome=DOUBT if n > 20 and n % 3 == 0 else PASS) for n in range(1, 80)],
    ),
    "ewma": (dict(mean=300.0, sigma=20.0, **FORCE), WEAR),
    "cusum": (dict(mean=300.0, sigma=20.0, **FORCE), WEAR),
    "nelson": (dict(mean=300.0, sigma=40.0, **FORCE), WEAR),
}


@pytest.mark.parametrize("kind", CASES)
async def test_the_chart_has_the_rules_own_statistic_and_only_the_signal_leaves_its_limits(kind: str):
    parameters, messages = CASES[kind]
    seen = await found_in(messages, plant(kind=kind, **parameters))

    assert (seen.line, seen.rule.id) == ("lyon/smt1", "rule")
    signal = next(point for point in seen.points if point.ref == seen.why.last)
    assert signal.drawn.value == pytest.approx(seen.why.statistic)
    if kind != "nelson":  # whose limit is the number of the test
        assert signal.drawn.high == pytest.approx(seen.why.limit)
    assert signal == next(point for point in seen.points if point.outside)
    ET.fromstring(svg(seen))


async def test_a_trend_shows_the_worn_values_on_their_way_to_the_limit():
    wear = dict(kind="trend", limit=1.6, horizon=20, max_points=20, fresh=10, autocorrelated=False, **FORCE)
    seen = await found_in(WEAR, plant(**wear))

    drawn = [point.drawn for point in seen.points if point.drawn]
    assert [round(each.value, 4) for each in drawn[:3]] == [1.0167, 1.0333, 1.05]  # multiples of the fresh tool
    assert {each.high for each in drawn} == {1.6}
    assert next(point for point in seen.points if point.outside).ref == seen.why.last


async def test_parts_that_come_late_are_drawn_in_the_order_in_which_the_rules_saw_them():
    known = plant(kind="bernoulli_cusum")
    _, messages = CASES["bernoulli_cusum"]
    swapped = list(messages)
    for n in range(10, 110, 7):
        swapped[n], swapped[n + 1] = swapped[n + 1], swapped[n]

    straight, mixed = await found_in(messages, known), await found_in(swapped, known)
    assert [p.drawn for p in mixed.points] == [p.drawn for p in straight.points]
    assert [p.ref.sequence for p in mixed.points] == list(range(1, len(messages) + 1))


async def test_another_class_has_its_own_chart():
    """Shorts among opens: the run of opens goes on, and what is drawn is the run of opens."""
    messages = [verdict(n, *(["open", "short"] if n in (12, 14) else ["open"] if n > 9 else [])) for n in range(1, 20)]
    seen = await found_in(messages, plant(kind="consecutive", k=5))

    assert seen.episode.label == "open"
    assert [p.drawn.value for p in seen.points][8:14] == [0, 1, 2, 3, 4, 5]


async def test_the_suspects_reach_to_the_last_part_before_the_hold():
    run = [verdict(n, *(["open"] if n > 9 else [])) for n in range(1, 17)]
    known = plant(kind="consecutive", k=5, actions=["pause_line"])
    episode_id = await opened(stored(run), known)
    held = at(line_pb2.PauseSettled(request_id=f"{episode_id}-1", outcome=line_pb2.PAUSE_OUTCOME_CONFIRMED))
    held.held_at.FromSeconds(1_000_016)
    seen = await incident(each(stored([*run, held])), known, episode_id)

    assert [(ref.lot, ref.sequence) for ref in seen.suspects] == [("lot1", 10), ("lot1", 16)]


async def test_the_drawing_is_readable_in_the_dark_and_what_people_named_cannot_break_it():
    run = [verdict(n, *(["<o&en>"] if n > 9 else []), lot="<lot&1>") for n in range(1, 20)]
    drawing = svg(await found_in(run, plant(kind="consecutive", k=5)))

    tree = ET.fromstring(drawing)
    circles = [each.get("class") for each in tree.iter(f"{SVG}circle")]
    assert (circles.count("part"), circles.count("outside")) == (13, 6)  # it goes on signalling after the 14th
    assert len([each for each in tree.iter(f"{SVG}rect") if each.get("class") == "suspect"]) == 1
    assert "prefers-color-scheme:dark" in drawing
    assert "<lot&1>/14" in "".join(tree.itertext())
    assert "<o&en>: 5 parts in a row are defective" in "".join(tree.itertext())


async def test_an_unknown_incident_and_one_without_a_chart_are_said_so():
    known = plant(kind="missing_parts", silence_s=10)
    silent = at(line_pb2.StationFellSilent())
    silent.noticed_at.FromSeconds(1_000_100)
    facts = stored([*(verdict(n) for n in range(1, 10)), silent])

    with pytest.raises(ValueError, match="no incident 'nobody' comes out of the stream"):
        await incident(each(facts), known, "nobody")
    with pytest.raises(ValueError, match="is an alarm without a chart: no verdict for 91 s"):
        await incident(each(facts), known, await opened(facts, known))
