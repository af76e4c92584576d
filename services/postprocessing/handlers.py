"""The rules at work: fold what happened, say what follows from it, remember how far we are."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Gauge

from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.postprocessing.domain.checkpoint import RuleState
from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules import folding
from services.postprocessing.domain.rules.episodes import Fold
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import LineState
from services.postprocessing.ports import Actions, Checkpoint, Compile, Facts, RuleSource

log = logging.getLogger("jidoka.rules")
ACTIONS = Counter("jidoka_rule_actions", "What the rules wanted", ["what", "rule"])
REFUSED = Gauge("jidoka_rules_refused", "1 while the written rules cannot be used and the old ones stay in force")
_BOOKS = 8
_LOOK_S = 1.0
_GRACE_S = 0.5


class RuleKeeper:
    """Keeps one fold for all lines. Actions are said before the state moves on: a crash between repeats the ids."""

    def __init__(
        self, rules: str, compiled: Compile, checkpoint: Checkpoint, actions: Actions, save_every_s: float = 0.05
    ) -> None:
        """`rules` are in force at a site until the stream says which are."""
        self.state = RuleState()
        self.folded_at_s = time.monotonic()
        self._rules = rules
        self._compile = compiled
        self._books = {rules: compiled(rules)}
        self._checkpoint = checkpoint
        self._actions = actions
        self._save_every_s = save_every_s
        self._changed: set[str] = set()
        self._dirty = asyncio.Event()
        self._saver: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Take up the last checkpoint."""
        self.state = await self._checkpoint.load()
        self._saver = spawn(self._save_forever(), "checkpoint")
        log.info("rules go on behind stream sequence %d", self.state.position)

    async def stop(self) -> None:
        """Save what is not saved yet."""
        await cancel(self._saver)
        await self._checkpoint.save(self.state, self.state.lines)  # all: a save may have been cut off just now

    def position(self) -> int:
        """The stream sequence up to which everything is folded."""
        return self.state.position

    def book(self, site: str) -> RuleBook:
        """The rules in force at a site."""
        text = self.state.rules.get(site, self._rules)
        if text not in self._books:
            if len(self._books) >= _BOOKS:
                self._books.clear()
            self._books[text] = self._compile(text)
        return self._books[text]

    async def on_part(self, line: str, part: Part, sequence: int) -> None:
        """Fold one verdict or measurement of a line (site/line)."""
        await self._fold(line, sequence, lambda state, book: folding.on_part(state, part, line, book))

    async def on_settled(
        self, line: str, request_id: str, sequence: int, *, confirmed: bool, retry: bool, at_s: float
    ) -> None:
        """Fold the receipt of a pause request."""

        def settle(state: LineState, _: RuleBook) -> Fold:
            return folding.on_settled(state, request_id, confirmed=confirmed, retry=retry, at_s=at_s)

        await self._fold(line, sequence, settle)

    async def on_resumed(self, line: str, episode_id: str, resumed_at_s: float, sequence: int) -> None:
        """Fold the operator's resume."""
        await self._fold(line, sequence, lambda state, book: folding.on_resumed(state, episode_id, resumed_at_s, book))

    async def on_completed(self, line: str, episode_id: str, sequence: int) -> None:
        """Fold the end of an order."""
        await self._fold(line, sequence, lambda state, book: folding.on_completed(state, episode_id, book))

    async def on_silence(self, line: str, station: str, at_s: float, sequence: int) -> None:
        """Fold that nothing came from a station."""
        await self._fold(line, sequence, lambda state, book: folding.on_silence(state, station, at_s, line, book))

    async def on_rules(self, site: str, text: str, sequence: int) -> None:
        """Fold a change of rules. Raises Invalid for a text that holds none: the old ones stay."""
        book = self._compile(text)
        if self.state.rules.get(site) != text:
            log.warning("rules version %d (%s) are in force at %s", book.version, book.digest[:12], site)
        lines = {
            line: folding.on_rules(state, book) if line.split("/")[0] == site else state
            for line, state in self.state.lines.items()
        }
        self._moved(RuleState(sequence, lines, {**self.state.rules, site: text}), *lines)

    async def _fold(self, line: str, sequence: int, step: Callable[[LineState, RuleBook], Fold]) -> None:
        state, actions = step(self.state.lines.get(line) or LineState(), self.book(line.split("/", maxsplit=1)[0]))
        for action in actions:
            rule_id = action.episode.rule_id
            log.warning("rule %s at %s: %s (%s)", rule_id, line, action.what.value, action.finding.detail)
            await self._actions.emit(line, action)
            ACTIONS.labels(action.what.value, rule_id).inc()
        self._moved(RuleState(sequence, {**self.state.lines, line: state}, self.state.rules), line)

    def _moved(self, state: RuleState, *changed: str) -> None:
        self.state = state
        self.folded_at_s = time.monotonic()
        self._changed.update(changed)
        self._dirty.set()

    async def _save_forever(self) -> None:
        # Beside the fold, never in its way: a slow store must not delay a stop.
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            changed, self._changed = self._changed, set()
            if not await self._checkpoint.save(self.state, changed):
                self._changed |= changed
            await asyncio.sleep(self._save_every_s)


class RuleWatch:
    """Puts the written rules into the stream: at start, and whenever they are written anew and can be used."""

    def __init__(self, source: RuleSource, facts: Facts, look_s: float = _LOOK_S) -> None:
        self._source = source
        self._facts = facts
        self._look_s = look_s
        self._untold: str | None = None
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Say the rules before anything is judged by them."""
        await self._look()
        self._task = spawn(self._look_forever(), "rule watch")

    async def stop(self) -> None:
        """Stop watching."""
        await cancel(self._task)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            await self._look()

    async def _look(self) -> None:
        try:
            if text := await asyncio.to_thread(self._source.changed):
                self._untold = text
                REFUSED.set(0)
        except ValueError as error:
            REFUSED.set(1)
            log.error("the rules are refused, the old ones stay in force: %s", error)
        if self._untold is None:
            return
        try:
            await self._facts.rules_activated(self._untold)
        except Unavailable as error:
            log.warning("the new rules wait for the broker: %s", error)
        else:
            self._untold = None


class SilenceWatch:
    """Tells the fold the time when no part does: a gap or a silence must be noticed though nothing comes any more."""

    def __init__(self, keeper: RuleKeeper, facts: Facts, clock: Callable[[], float] = time.time) -> None:
        self._keeper = keeper
        self._facts = facts
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[str, float]] = {}
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Watch in the background."""
        self._task = spawn(self._watch_forever(), "silence watch")

    async def stop(self) -> None:
        """Stop watching."""
        await cancel(self._task)

    async def _watch_forever(self) -> None:
        while True:
            await asyncio.sleep(_GRACE_S)
            if time.monotonic() - self._keeper.folded_at_s < _GRACE_S:
                continue  # busy, or still reading what happened long ago
            try:
                await self._look(self._clock())
            except Unavailable as error:
                log.debug("a silence is told later: %s", error)

    async def _look(self, now_s: float) -> None:
        for line, state in self._keeper.state.lines.items():
            book = self._keeper.book(line.split("/")[0])
            for channel, why in folding.silences(state, now_s, book):
                if self._told.get((line, channel)) == why:
                    continue
                await self._facts.station_silent(line, channel.split("/")[0], why[1], now_s)
                self._told[line, channel] = why
