"""The keeper between stream and fold: what it reads again, what it does not fold again, and what it never waits for."""

import asyncio
import json
import time

import pytest
from rule_kit import CONSECUTIVE, LINE, run

from services.chassis import backoff
from services.chassis.errors import Unavailable
from services.postprocessing import handlers
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.domain.attribution import Cause, Spot, Traced, Trail
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.handlers import RuleKeeper

REAL_SLEEP = asyncio.sleep
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


async def test_the_position_moves_past_a_fact_that_was_parked_and_is_saved_with_it():
    """B16: or each life would meet the poison anew."""
    store = Store()
    keeper = await started(store, Wishes())
    await fed(keeper, 1, 3)
    keeper.passed(3)
    keeper.passed(4)  # nobody could fold it
    await keeper.stop()
    again = await started(store, Wishes())

    assert (keeper.position(), again.position()) == (4, 4)
    await again.stop()


async def test_a_stream_that_was_made_anew_is_folded_from_its_beginning():
    """R3: or the rules would be blind until it has as many facts as the old one had."""
    wishes = Wishes()
    keeper = await started(Store(), wishes)
    await fed(keeper, 1, 4)
    await keeper.begin_anew()
    assert (keeper.position(), keeper.reads_behind()) == (0, 0)
    await fed(keeper, 1, 5)
    await keeper.stop()

    assert [what for what, _ in wishes.said] == [What.PAUSE, What.MAINTENANCE]


async def test_a_store_that_is_away_is_asked_ever_more_rarely(monkeypatch):
    """B24: the whole fold became JSON twenty times a second, on the loop that answers Judge, while Redis was away."""
    pauses: list[float] = []

    class Away(Store):
        async def save(self, fold: LineFold) -> bool:
            if len(pauses) >= 6:
                await asyncio.Event().wait()
            return False

    async def wait(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(backoff.asyncio, "sleep", wait)
    keeper = await started(Away(), Wishes())
    await fed(keeper, 1, 1)
    while len(pauses) < 6:
        await REAL_SLEEP(0)
    monkeypatch.undo()
    keeper._checkpoint = Store()
    await keeper.stop()

    assert pauses[5] > 4 * pauses[0]


async def test_what_could_not_be_said_does_not_stand_in_the_log_as_said(caplog):
    """B3: LINE was gone, and the log had a pause every three seconds as if there had been one."""
    wishes = Wishes(away=2)
    keeper = await started(Store(), wishes)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await fed(keeper, 1, 5)
    assert "pause" not in caplog.text
    await fed(keeper, 5, 5)
    await keeper.stop()
    assert caplog.text.count(": pause") == 1
