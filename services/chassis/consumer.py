"""Shares work: each message is handled by one of a service's processes until it is done, then acknowledged for good."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig

from services.chassis.bus import Bus
from services.chassis.errors import MeshError, Unavailable
from services.chassis.reader import Anew, PullSubscription, Reader
from services.chassis.route import Route
from services.chassis.run import cancel

log = logging.getLogger("jidoka.streams")
_ACK_S = 2.0


class Consumer(Reader):
    """A durable consumer (named as the service): each message is handled until done, then acknowledged for good.

    Unavailable: again after a back-off, for ever. Any other MeshError: parked at once. A bug: parked after five tries.
    """

    _ACK_WAIT_S = 3.0
    _TRIES = 5

    def __init__(
        self, bus: Bus, stream: str, routes: Sequence[Route], durable: str = "", *, anew: Anew | None = None
    ) -> None:
        super().__init__(bus, stream, routes, durable or bus.user, anew)
        self._seen = 0

    def _last(self) -> int:
        return self._seen

    async def _begin_anew(self) -> None:
        await super()._begin_anew()
        self._seen = 0

    async def _subscribe(self) -> PullSubscription:
        config = ConsumerConfig(
            name=self._name,
            durable_name=self._name,
            filter_subjects=[route.subject for route in self._routes],
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ACK_WAIT_S,
            max_ack_pending=1,
        )
        await self._bus.jetstream.add_consumer(self._stream, config)
        return await self._bus.jetstream.pull_subscribe_bind(self._name, self._stream)

    async def _take(self, message: Msg) -> None:
        self._seen = max(self._seen, message.metadata.sequence.stream)
        alive = asyncio.create_task(self._keep(message))
        try:
            await self._handle(message)
        except Unavailable as error:
            delay_s = min(0.2 * 2 ** min(message.metadata.num_delivered, 6), 10.0) * random.uniform(0.5, 1.0)
            log.warning("%s comes again in %.1f s: %s", message.subject, delay_s, error)
            await message.nak(delay=delay_s)
        except MeshError as error:
            await self._park(message, str(error))
        except Exception as error:
            log.exception("%s failed, delivery %d", message.subject, message.metadata.num_delivered)
            if message.metadata.num_delivered >= self._TRIES:
                await self._park(message, f"failed {self._TRIES} times: {type(error).__name__}: {error}")
            else:
                await message.nak(delay=1.0)
        else:
            await message.ack_sync(timeout=_ACK_S)
        finally:
            await cancel(alive)

    async def _park(self, message: Msg, reason: str) -> None:
        await super()._park(message, reason)
        await message.ack_sync(timeout=_ACK_S)

    async def _keep(self, message: Msg) -> None:
        """Long work stays ours; a crash gives the message to another after _ACK_WAIT_S."""
        while True:
            await asyncio.sleep(self._ACK_WAIT_S / 3)
            with contextlib.suppress(NatsError, OSError):
                await message.in_progress()
