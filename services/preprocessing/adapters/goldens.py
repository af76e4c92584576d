"""Golden templates from the object store, decoded and profiled once, kept while they are in use."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.errors import NotFound, Unavailable
from services.chassis.trouble import is_missing, why
from services.contracts.subjects import GOLDENS
from services.preprocessing.domain.frame import Golden, Image
from services.preprocessing.domain.quality import Look
from services.preprocessing.domain.registration import GoldenProfile

_DEADLINE_S = 3.0


@dataclass
class _Entry:
    golden: Golden
    digest: str
    checked_at: float


class StoredGoldens:
    """The `goldens` bucket, with a cache that looks after `max_age_s` whether the template was replaced."""

    def __init__(self, bus: Bus, decode: Callable[[bytes], Image], max_entries: int, max_age_s: float) -> None:
        self._bus = bus
        self._decode = decode
        self._max_entries = max_entries
        self._max_age_s = max_age_s
        self._cache: OrderedDict[str, _Entry] = OrderedDict()

    async def get(self, product_id: str) -> Golden:
        """The product's golden template. Raises NotFound or Unavailable."""
        entry = self._cache.get(product_id)
        if entry is None or time.monotonic() - entry.checked_at > self._max_age_s:
            entry = await self._refresh(product_id, entry)
        self._keep(product_id, entry)
        return entry.golden

    def _keep(self, product_id: str, entry: _Entry) -> None:
        """As the one used last. It may have been pushed out while it was asked for: then it comes back (B18)."""
        self._cache[product_id] = entry
        self._cache.move_to_end(product_id)
        if len(self._cache) > self._max_entries:
            self._cache.popitem(last=False)

    async def _refresh(self, product_id: str, known: _Entry | None) -> _Entry:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                store = await self._bus.jetstream.object_store(GOLDENS)
                if known is not None and (await store.get_info(product_id)).digest == known.digest:
                    known.checked_at = time.monotonic()
                    return known
                stored = await store.get(product_id)
        except (NatsError, TimeoutError, OSError) as error:
            if isinstance(error, NotFoundError) and not is_missing(error):
                self._cache.pop(product_id, None)
                fix = f"register it: PUT /v1/products/{product_id}/golden"
                raise NotFound(
                    f"no golden template for {product_id!r}", field="frame.part.product_id", fix=fix
                ) from None
            if known is not None:  # an old template is what was in force a moment ago
                return known
            raise Unavailable(f"no golden template can be read: {why(error, GOLDENS)}", fix="send again") from error
        data = stored.data or b""
        golden = await asyncio.to_thread(self._golden, data)
        return _Entry(golden, stored.info.digest or "", time.monotonic())

    def _golden(self, data: bytes) -> Golden:
        image = self._decode(data)
        return Golden(GoldenProfile.of(image), Look.of(image), hashlib.sha256(data).hexdigest())
