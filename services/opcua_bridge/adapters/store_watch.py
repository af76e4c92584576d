"""How full the broker is: gauges of every bridge, and what the alarm has to say.

Only the configured limits are seen here. A full disk below them is the broker's own /healthz.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from prometheus_client import Gauge

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.run import cancel, spawn
from services.contracts.store import WATCHED
from services.contracts.subjects import STATION
from services.opcua_bridge.domain.filling import RAISED_AT, Fill, Filling

_EVERY_S = 10.0
_DUE = 0.99  # of the promised age: the broker looks for what is too old now and then
_FILL = Gauge("jidoka_stream_fill_ratio", "Bytes of a stream of the broker in relation to its limit", ["stream"])
_FREE = Gauge("jidoka_store_free_ratio", "Free part of the broker's store, in relation to all limits together")
log = logging.getLogger("jidoka.opcua_bridge")


class StoreWatch:
    """Looks now and then. `on_seen` gets the sentence of the alarm; empty: none."""

    def __init__(
        self, bus: Bus, store_bytes: int, on_seen: Callable[[str], None], *, every_s: float = _EVERY_S
    ) -> None:
        self._bus, self._store_bytes, self._on_seen, self._every_s = bus, store_bytes, on_seen, every_s
        self._filling = Filling()
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        self._task = spawn(self._look_forever(), "watch over the broker's store")

    async def stop(self) -> None:
        await cancel(self._task)

    async def _look_forever(self) -> None:
        while True:
            try:
                self._on_seen(self._filling.seen(await self._look()))
            except (NatsError, TimeoutError, OSError, Unavailable) as error:
                log.debug("how full the broker is, is not known: %s", error)
            await asyncio.sleep(self._every_s)

    async def _look(self) -> list[Fill]:
        jetstream = self._bus.jetstream
        _FREE.set(1 - (await jetstream.account_info()).storage / self._store_bytes)
        fills = []
        for name in WATCHED:
            info = await jetstream.stream_info(name)
            ratio = info.state.bytes / limit if (limit := info.config.max_bytes or 0) > 0 else 0.0
            _FILL.labels(name).set(ratio)
            due = ratio >= RAISED_AT and name == STATION.name and await self._oldest_is_due(info)
            fills.append(Fill(name, ratio, due))
        return fills

    async def _oldest_is_due(self, info: StreamInfo) -> bool:
        oldest = (await self._bus.jetstream.get_msg(STATION.name, info.state.first_seq)).time
        return oldest is not None and (datetime.now(UTC) - oldest).total_seconds() >= _DUE * STATION.max_age_s
