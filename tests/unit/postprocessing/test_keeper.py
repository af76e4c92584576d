"""The keeper between stream and fold: what it reads again, what it does not fold again, and what it never waits for."""

import json
import time

import pytest
from rule_kit import CONSECUTIVE, LINE, run

from services.chassis.errors import Unavailable
from services.postprocessing import handlers
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.domain.attribution import Cause, Spot, Traced, Trail
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.handlers import RuleKeeper

RULES = json.dumps({"labels": ["open"], "rule_set": {"version": 1, "rules": [CONSECUTIVE]}})


class Store:
    def __init__(self, fold: LineFold | None = None) -> None:
        self.fold = fold or LineFold()

    async def load(self) -> LineFold:
        return self.fold

    async def save(self, fold: LineFold) -> bool:
        self.fold = fold
        return True


class Wishes:
    """Where actions go; `away` so many times."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.said: list[tuple[What, str]] = []
        self.causes: list[tuple[Cause, ...]] = []

    async def emit(self, line: str, action: Action, causes: tuple[Cause, ...]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("no broker")
        self.said.append((action.what, action.id))
        self.causes.append(causes)


async def started(store: Store, wishes: Wishes) -> RuleKeeper:
    keeper = RuleKeeper(LINE, RULES, book_of, store, wishes)
    await keeper.start()
    return keeper


async def fed(keeper: RuleKeeper, first: int, last: int) -> None:
    """Parts 1, 2, 3 ... stand at the stream's sequences 1, 2, 3 ..."""
    for part in run(first, last, "open"):
        traced = Traced(part.sequence, part.lot, (Spot("open"),), {})
        await keeper.on_part(part, part.sequence, traced)


async def test_what_was_folded_before_the_restart_is_read_again_and_not_folded_again():
    store, wishes = Store(), Wishes()
    keeper = await started(store, wishes)
    await fed(keeper, 1, 5)
    await keeper.stop()
    again = await started(store, wishes)
    assert (again.position(), again.reads_behind()) == (5, 0)
    before = again.fold
    await fed(again, 1, 5)
    await again.stop()

    assert again.fold is before
    assert [what for what, _ in wishes.said] == [What.PAUSE, What.MAINTENANCE]


async def test_an_action_that_could_not_be_said_is_said_when_the_fact_comes_again_and_the_part_is_traced_once():
    wishes = Wishes(away=1)
    keeper = await started(Store(), wishes)
    await fed(keeper, 1, 4)
    with pytest.raises(Unavailable):
        await fed(keeper, 5, 5)
    assert keeper.reads_behind() == keeper.position() == 4
    await fed(keeper, 5, 5)
    await keeper.stop()

    assert [what for what, _ in wishes.said] == [What.PAUSE, What.MAINTENANCE]
    assert len(keeper._trail._parts["aoi1"]) == 5


async def test_an_order_does_not_wait_for_its_causes_when_the_search_takes_too_long(monkeypatch, caplog):
    monkeypatch.setattr(handlers, "_SEARCH_S", 0.01)
    monkeypatch.setattr(Trail, "causes", lambda *_: time.sleep(0.1))
    wishes = Wishes()
    keeper = await started(Store(), wishes)
    await fed(keeper, 1, 5)
    await keeper.stop()

    assert wishes.causes == [(), ()]
    assert "said without its causes" in caplog.text


async def test_rules_that_only_an_older_version_of_us_could_read_give_way_to_the_plant_files(caplog):
    keeper = await started(Store(LineFold(position=7, rules='{"rule_set": {"kind": "of old"}}')), Wishes())
    await keeper.stop()

    assert keeper.book.version == 1
    assert "are no rules to this version" in caplog.text
