"""The rules at work: fold what happened, say what follows from it, remember how far we are."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis.run import cancel, spawn
from services.postprocessing.domain import rules
from services.postprocessing.domain.checkpoint import RuleState
from services.postprocessing.domain.order import Part, Patience
from services.postprocessing.domain.rules import Fold, Rule, StationState
from services.postprocessing.ports import Actions, Checkpoint

log = logging.getLogger("jidoka.rules")


@dataclass
class RuleKeeper:
    """Keeps one fold for all stations. Actions are said before the state moves on: a crash between repeats the ids."""

    rule_set: Sequence[Rule]
    patience: Patience
    checkpoint: Checkpoint
    actions: Actions

    async def start(self) -> None:
        """Take up the last checkpoint."""
        self.state = await self.checkpoint.load()
        self._dirty = asyncio.Event()
        self._saver: asyncio.Task[Any] = spawn(self._save_forever(), "checkpoint")
        log.info("rules go on behind stream sequence %d", self.state.position)

    async def stop(self) -> None:
        """Save what is not saved yet."""
        await cancel(self._saver)
        await self.checkpoint.save(self.state)

    def position(self) -> int:
        """The stream sequence up to which everything is folded."""
        return self.state.position

    async def on_verdict(self, place: str, part: Part, sequence: int) -> None:
        """Fold one verdict."""
        await self._fold(place, sequence, lambda s: rules.on_verdict(s, part, place, self.rule_set, self.patience))

    async def on_settled(self, place: str, episode_id: str, sequence: int, *, confirmed: bool, retry: bool) -> None:
        """Fold the receipt of a pause request."""

        def settle(state: StationState) -> Fold:
            return rules.on_settled(state, episode_id, confirmed=confirmed, retry=retry), ()

        await self._fold(place, sequence, settle)

    async def on_resumed(self, place: str, episode_id: str, resumed_at_s: float, sequence: int) -> None:
        """Fold the operator's resume."""
        await self._fold(place, sequence, lambda s: (rules.on_resumed(s, episode_id, resumed_at_s), ()))

    async def _fold(self, place: str, sequence: int, step: Callable[[StationState], Fold]) -> None:
        station, actions = step(self.state.stations.get(place, StationState()))
        for action in actions:
            log.warning("rule %s fired at %s: %s", action.rule.id, place, action.episode.label)
            await self.actions.emit(place, action)
        self.state = RuleState(sequence, {**self.state.stations, place: station})
        self._dirty.set()

    async def _save_forever(self) -> None:
        # Beside the fold, never in its way: a slow store must not delay a stop.
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self.checkpoint.save(self.state)
