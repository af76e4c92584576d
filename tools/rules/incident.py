"""One incident, folded again from the stream by the rules' own code, with what the rules remembered at every part."""

from collections import deque
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from google.protobuf.message import Message
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.verdict.v1 import verdict_pb2

from services.chassis.bus import Bus
from services.chassis.streams import Delivery
from services.contracts.plant import Plant
from services.contracts.subjects import STATION
from services.postprocessing.adapters import rule_messages
from services.postprocessing.adapters.events import routes
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.domain.attribution import Cause
from services.postprocessing.domain.count import Due, Turn
from services.postprocessing.domain.order import Order, accept, expire
from services.postprocessing.domain.part import Part, Ref
from services.postprocessing.domain.rules.action import Action, Finding, What
from services.postprocessing.domain.rules.rule import Rule
from services.postprocessing.domain.rules.seeing import before_resume
from services.postprocessing.domain.rules.state import Episode, Group, LineState, Mark
from services.postprocessing.domain.rules.watching import basis, observe, track_of
from services.postprocessing.handlers import RuleKeeper
from tools.plant.broker import ADMIN
from tools.plant.facts import Stored, stored
from tools.plant.state import PlantState
from tools.replay.rules import NoCheckpoint
from tools.rules.statistic import Reading, Step, reading

_REMEMBERED = 20_000
"""Parts of a line from before the signal that may be drawn."""
_AFTERWARDS = 2_000
"""Parts of a line that are folded after the signal."""


class Look(NamedTuple):
    """A part when its turn came, and what the rules remembered before that fact."""

    before: LineState
    turn: Turn


class Point(NamedTuple):
    """What a part made of the statistic. `turn` counts the parts that the chart saw or might have seen."""

    turn: int
    ref: Ref
    drawn: Reading | None
    outside: bool


@dataclass(frozen=True)
class Incident:
    """An episode that was opened at `line`, by `rule`, for the reason `why`; `suspects` are its first and last part."""

    line: str
    rule: Rule
    episode: Episode
    why: Finding
    suspects: tuple[Ref, Ref]
    points: tuple[Point, ...]


class _Line:
    """A line's rules at work again; takes the place of who would say what they want."""

    def __init__(self, name: str, plant: Plant, episode_id: str) -> None:
        self.name, self.wanted = name, episode_id
        self.actions: list[Action] = []
        self.looks: deque[Look] = deque(maxlen=_REMEMBERED)
        self.afterwards = 0
        self._rule: Rule | None = None
        self._labels: tuple[str, ...] = ()
        self._keeper = RuleKeeper(name, text_of(plant), book_of, NoCheckpoint(), self)
        self._routes = routes(self._keeper)

    async def emit(self, _: str, action: Action, __: tuple[Cause, ...]) -> None:
        """As the port `Actions` has it."""
        if action.episode.id == self.wanted:
            self.actions.append(action)
            self._rule = self._rule or self._keeper.book.rule(action.episode.rule_id)
            self._labels = self._keeper.book.labels

    async def hear(self, fact: Stored) -> None:
        """Fold one fact, if it is of this line."""
        route = next((route for route in self._routes if route.matches(fact.subject)), None)
        if route is None:
            return
        message = route.message.FromString(fact.data)
        part = _part(message)
        due = self._due(message, part)
        self.looks.extend(Look(self._keeper.fold.state, turn) for turn in due)
        self.afterwards += len(due) if self.actions else 0
        if part is not None:  # the search for causes need not see it: it decides nothing, and takes its time
            await self._keeper.on_part(part, fact.sequence)
        else:
            await route.handler(message, Delivery(fact.subject, fact.sequence, fact.stored_at, redelivered=False))

    def _due(self, message: Message, part: Part | None) -> Due:
        orders, patience = self._keeper.fold.state.orders, self._keeper.book.patience
        if isinstance(message, line_pb2.StationFellSilent):
            station, at_s = message.station.station, message.noticed_at.ToMicroseconds() / 1e6
            own = (order for channel, order in orders.items() if channel.split("/")[0] == station)
            return tuple(each for order in own for each in expire(order, patience, at_s)[1])
        return accept(orders.get(part.channel, Order()), part, patience)[1] if part is not None else ()

    def incident(self) -> Incident:
        """What was found. Raises ValueError for an alarm that has no chart."""
        opened = self.actions[0]
        episode, why, rule = opened.episode, opened.finding, self._rule
        if rule is None or episode.label == "silence":
            raise ValueError(f"{episode.id} is an alarm without a chart: {why.detail}")
        told = [action.finding for action in self.actions if action.what is What.CONTAIN]
        last = told[-1].last if told else why.last
        group = tuple(episode.scope[key] for key in rule.by)
        points = tuple(_points(self.looks, rule, group, episode.label, self._labels))
        return Incident(self.name, rule, episode, why, (why.first, last), points)


async def incident(facts: AsyncIterable[Stored], plant: Plant, episode_id: str) -> Incident:
    """The incident of that id. Raises ValueError when the facts, all of the STATION stream in order, hold none."""
    lines = [_Line(f"{site.name}/{line.name}", plant, episode_id) for site in plant.sites for line in site.lines]
    async for fact in facts:
        for line in lines:
            await line.hear(fact)
        if any(line.afterwards > _AFTERWARDS for line in lines):
            break
    found = next((line for line in lines if line.actions), None)
    if found is None:
        raise ValueError(
            f"no incident {episode_id!r} comes out of the stream: perhaps it reaches no longer back so far"
        )
    return found.incident()


async def from_broker(state: PlantState, plant: Plant, episode_id: str) -> Incident:
    """The incident of that id from the broker of a running plant. Raises ValueError or NatsError."""
    bus = Bus(state.url("nats"), ADMIN, state.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        return await incident(stored(bus, STATION, ["jidoka.v1.>"]), plant, episode_id)
    finally:
        await bus.stop()


def _part(message: Message) -> Part | None:
    if isinstance(message, verdict_pb2.Verdict):
        return rule_messages.part(message)
    return rule_messages.measured(message) if isinstance(message, measurement_pb2.Measurement) else None


def _points(looks: Iterable[Look], rule: Rule, group: Group, label: str, labels: tuple[str, ...]) -> Iterator[Point]:
    turn, fact, state = 0, None, rule.start
    for look in looks:
        part = look.turn.part
        own = rule.hears(part) and tuple(part.attribute(key) for key in rule.by) == group
        if not own or (rule.after_resume and before_resume(look.before, look.turn)):
            continue
        mark = _mark(look, rule, label)
        # Several parts may come due with one fact: the second goes on where the first one ended.
        state = state if look.before is fact else mark.state
        fact, drawn, outside = look.before, None, False
        for name, x, n in observe(rule, part, look.turn.gap, {label: mark}, labels):
            if name == label:
                after, signal = rule.chart.step(state, x, n)
                drawn = reading(rule.chart, Step(state, x, n, after)) or drawn
                outside = outside or (signal is not None and not mark.muted)
                state = after
        turn += 1
        yield Point(turn, part.ref, drawn, outside)


def _mark(look: Look, rule: Rule, label: str) -> Mark:
    tracks: Any = look.before.tracks.get(rule.id)
    group = track_of(tuple(look.turn.part.attribute(key) for key in rule.keys), look.turn)
    track = tracks.groups.get(group) if tracks is not None and tracks.digest == rule.digest else None
    if track is None or track.basis != basis(rule, look.before, look.turn):
        return Mark(rule.start)
    return track.marks.get(label) or Mark(rule.start)
