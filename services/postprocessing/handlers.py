"""The rules at work: fold what happened on a line, say what follows from it, remember how far we are."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from prometheus_client import Counter, Gauge

from services.chassis.backoff import Backoff
from services.chassis.errors import Invalid, Unavailable
from services.chassis.run import cancel, spawn
from services.postprocessing.domain.attribution import Cause, Traced, Trail
from services.postprocessing.domain.checkpoint import LineFold
from services.postprocessing.domain.order import Order
from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules import folding
from services.postprocessing.domain.rules.action import Action, What
from services.postprocessing.domain.rules.episodes import Fold
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import LineState
from services.postprocessing.ports import Actions, Checkpoint, Compile, Facts, InForce, RuleSource

log = logging.getLogger("jidoka.rules")
ACTIONS = Counter("jidoka_rule_actions", "What the rules wanted", ["what", "rule"])
IGNORED = Counter("jidoka_parts_ignored", "Parts that did not count in their turn, or at all", ["line", "why"])
REFUSED = Gauge("jidoka_rules_refused", "1 while the written rules cannot be used and the old ones stay in force")
_EXPLAINED = {What.WARN, What.MAINTENANCE, What.SUPPLIER}
_NEW = Order()
_LOOK_S = 1.0
_GRACE_S = 0.5
_SEARCH_S = 1.0
_SAVE_MAX_S = 5.0


class RuleKeeper:
    """Keeps the fold of one line. Actions are said before the state moves on: a crash between repeats the ids."""

    def __init__(
        self,
        line: str,
        rules: str,
        compiled: Compile,
        checkpoint: Checkpoint,
        actions: Actions,
        save_every_s: float = 0.05,
    ) -> None:
        """`line` is site/line; `rules` are in force there until the stream says which are."""
        self.line = line
        self.fold = LineFold()
        self.folded_at_s = time.monotonic()
        self._rules = rules
        self._compile = compiled
        self._book = compiled(rules)
        self._checkpoint = checkpoint
        self._actions = actions
        self._save_every_s = save_every_s
        self._slower = Backoff(save_every_s, _SAVE_MAX_S)
        self._trail = Trail()
        self._traced = 0
        self._dirty = asyncio.Event()
        self._saver: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Take up the last checkpoint. Raises Unavailable when a later holder of the line has been here."""
        await self._begin(await self._checkpoint.load())

    async def begin_anew(self) -> None:
        """The stream is another one: what was folded from the old one is of the past (R3). Raises Unavailable."""
        await cancel(self._saver)  # or it would put the old fold under the new stream's name
        await self._checkpoint.load()  # from here on we save under that name; what stands there is not believed
        self._trail = Trail()
        await self._begin(LineFold())

    async def _begin(self, fold: LineFold) -> None:
        self.fold = fold
        try:
            self._book = self._compile(self.fold.rules or self._rules)
        except Invalid as error:  # an older version of us could: the plant file's hold until others are told
            log.error("the rules in force at %s are no rules to this version: %s", self.line, error)
        self._traced = max(0, self.fold.position - self._trail.reach)
        self._saver = spawn(self._save_forever(), f"checkpoint of {self.line}")
        log.info("the rules of %s go on behind stream sequence %d", self.line, self.fold.position)

    async def stop(self) -> None:
        """Save what is not saved yet."""
        await cancel(self._saver)
        await self._checkpoint.save(self.fold)

    def position(self) -> int:
        """The stream sequence up to which everything is folded."""
        return self.fold.position

    def passed(self, sequence: int) -> None:
        """Everything up to there is done with: a fact that nobody can fold lies in the dead letters (B16)."""
        self._traced = max(self._traced, sequence)
        if sequence > self.fold.position:
            self._moved(replace(self.fold, position=sequence))

    def reads_behind(self) -> int:
        """Where to read from: before `position` at first, for what was judged of late is not in the checkpoint."""
        return min(self._traced, self.fold.position)

    @property
    def book(self) -> RuleBook:
        """The rules in force."""
        return self._book

    async def on_part(self, part: Part, sequence: int, traced: Traced | None = None) -> None:
        """Fold one verdict or measurement; `traced` is the part as the search for causes sees it."""
        if sequence > self._traced:
            self._traced = sequence
            if traced is not None:
                self._trail.add(part.station, sequence, traced)
        before = self.fold.state.orders.get(part.channel, _NEW).ignored
        await self._take(sequence, lambda state, book: folding.on_part(state, part, self.line, book))
        after = self.fold.state.orders.get(part.channel, _NEW).ignored
        if after is not before:
            for why, parts in after.items():
                IGNORED.labels(self.line, why).inc(parts - before.get(why, 0))

    async def on_settled(self, request_id: str, sequence: int, *, confirmed: bool, retry: bool, at_s: float) -> None:
        """Fold the receipt of a pause request."""

        def settle(state: LineState, _: RuleBook) -> Fold:
            return folding.on_settled(state, request_id, confirmed=confirmed, retry=retry, at_s=at_s)

        await self._take(sequence, settle)

    async def on_resumed(self, episode_id: str, resumed_at_s: float, sequence: int) -> None:
        """Fold the operator's resume."""
        await self._take(sequence, lambda state, book: folding.on_resumed(state, episode_id, resumed_at_s, book))

    async def on_completed(self, episode_id: str, order_key: str, sequence: int) -> None:
        """Fold the end of an order."""
        await self._take(sequence, lambda state, book: folding.on_completed(state, episode_id, order_key, book))

    async def on_closed(self, episode_id: str, sequence: int) -> None:
        """Fold the word of a person that the incident is over."""
        await self._take(sequence, lambda state, book: folding.on_closed(state, episode_id, book))

    async def on_silence(self, station: str, at_s: float, sequence: int) -> None:
        """Fold that nothing came from a station."""
        await self._take(sequence, lambda state, book: folding.on_silence(state, station, at_s, self.line, book))

    async def on_rules(self, text: str, sequence: int) -> None:
        """Fold a change of rules. Raises Invalid for a text that holds none: the old ones stay."""
        if sequence <= self.fold.position:
            return
        book = self._compile(text)
        if self.fold.rules != text:
            log.warning("rules version %d (%s) are in force at %s", book.version, book.digest[:12], self.line)
        self._book = book
        self._moved(LineFold(sequence, folding.on_rules(self.fold.state, book), text))

    async def _take(self, sequence: int, step: Callable[[LineState, RuleBook], Fold]) -> None:
        if sequence <= self.fold.position:
            return
        state, actions = step(self.fold.state, self._book)
        for action in actions:
            await self._say(action, sequence)
        self._moved(LineFold(sequence, state, self.fold.rules))

    async def _say(self, action: Action, sequence: int) -> None:
        rule_id = action.episode.rule_id
        causes = await self._causes(action, sequence) if action.what in _EXPLAINED else ()
        await self._actions.emit(self.line, action, causes)
        log.warning("rule %s at %s: %s (%s)", rule_id, self.line, action.what.value, action.finding.detail)
        ACTIONS.labels(action.what.value, rule_id).inc()

    async def _causes(self, action: Action, sequence: int) -> tuple[Cause, ...]:
        rule = self._book.rule(action.episode.rule_id)
        if rule is None or not rule.observed.of_defects:
            return ()
        episode = action.episode
        try:  # beside the loop that answers `Judge`: the search takes some ten milliseconds
            async with asyncio.timeout(_SEARCH_S):
                return await asyncio.to_thread(self._trail.causes, episode.station, episode.label, sequence)
        except TimeoutError:
            log.warning("rule %s at %s: said without its causes, the search took too long", rule.id, self.line)
            return ()

    def _moved(self, fold: LineFold) -> None:
        self.fold = fold
        self.folded_at_s = time.monotonic()
        self._dirty.set()

    async def _save_forever(self) -> None:
        # Beside the fold, never in its way: a slow store must not delay a stop.
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if await self._checkpoint.save(self.fold):
                self._slower.reset()
                await asyncio.sleep(self._save_every_s)
            else:  # the whole fold becomes JSON each time, on the loop that answers `Judge` (B24)
                self._dirty.set()
                await self._slower.wait()


class RuleWatch:
    """Puts the written rules into the stream, at start and whenever they are written anew, and knows which hold.

    Only who folds a line speaks, and never with an older version than the one in force: a copy of this service whose
    file is behind must not bring yesterday's rules back. With `two_people` the file speaks only where no rules are in
    force yet: every change after that is proposed and approved at the gateway.
    """

    def __init__(
        self,
        source: RuleSource,
        facts: Facts,
        sites: Sequence[str],
        compiled: Compile,
        speaks: Callable[[], bool],
        look_s: float = _LOOK_S,
        *,
        two_people: bool = False,
    ) -> None:
        self._source, self._facts, self._compile = source, facts, compiled
        self._two_people = two_people
        self._speaks = speaks
        self._look_s = look_s
        self._in_force = dict.fromkeys(sites, InForce())
        self._written = InForce()
        self._untold: set[str] = set()
        self._task: asyncio.Task[Any] | None = None

    def version(self, site: str) -> int:
        """Of the rules in force, as of the last look."""
        return self._in_force.get(site, InForce()).version or self._written.version

    async def start(self) -> None:
        """Look once before anything is judged, then in the background."""
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
                self._written = InForce(self._compile(text).version, text)
                self._untold = set(self._in_force)
                REFUSED.set(0)
        except (ValueError, Invalid) as error:
            REFUSED.set(1)
            log.error("the rules are refused, the old ones stay in force: %s", error)
        try:
            for site in self._in_force:
                await self._agree(site)
        except Unavailable as error:
            log.debug("the rules wait for the broker: %s", error)

    async def _agree(self, site: str) -> None:
        found = self._in_force[site] = await self._facts.rules_in_force(site)
        if site not in self._untold or not self._speaks():
            return
        if found.version > self._written.version:
            REFUSED.set(1)
            fix = f"raise rule_set.version above {found.version}"
            log.error("the rules are refused at %s: version %d is in force; fix: %s", site, found.version, fix)
        elif found.text and found.text != self._written.text and self._two_people:
            fix = "propose them at the gateway, and let another quality engineer approve"
            log.warning("version %d of the file waits at %s; fix: %s", self._written.version, site, fix)
        elif found.text != self._written.text:
            await self._facts.rules_activated(site, self._written.text)
            self._in_force[site] = self._written
        self._untold.discard(site)


class SilenceWatch:
    """Tells the fold the time when no part does: a gap or a silence must be noticed though nothing comes any more."""

    def __init__(self, keeper: RuleKeeper, facts: Facts, clock: Callable[[], float]) -> None:
        """`clock`: the one that verdicts are judged by, in seconds of the epoch: the broker's."""
        self._keeper = keeper
        self._facts = facts
        self._clock = clock
        self._told: dict[str, tuple[str, float]] = {}
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Watch in the background."""
        self._task = spawn(self._watch_forever(), f"silence watch of {self._keeper.line}")

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
        for channel, why in folding.silences(self._keeper.fold.state, now_s, self._keeper.book):
            if self._told.get(channel) != why:
                await self._facts.station_silent(self._keeper.line, channel.split("/")[0], why[1], now_s)
                self._told[channel] = why
