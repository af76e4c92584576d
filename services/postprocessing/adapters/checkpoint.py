"""The rules' checkpoint in Redis: one value, so state and position can never disagree."""

import json
import logging

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.postprocessing.domain.checkpoint import RuleState, from_data, to_data

log = logging.getLogger("jidoka.checkpoint")
_KEY = "jidoka:rules:v1"
_DEADLINE_S = 1.0


class RedisCheckpoint:
    """Redis is a shortcut: when it is away or empty, the rules re-read the stream and lose nothing but time."""

    def __init__(self, url: str, password: str) -> None:
        self._redis = Redis.from_url(
            url,
            password=password or None,
            socket_timeout=_DEADLINE_S,
            socket_connect_timeout=_DEADLINE_S,
            retry=Retry(NoBackoff(), 1),
        )
        self._lost = False

    async def load(self) -> RuleState:
        """The last state saved; a fresh one when there is none that can be read."""
        try:
            stored = await self._redis.get(_KEY)
            return from_data(json.loads(stored)) if stored else RuleState()
        except (RedisError, OSError) as error:
            log.warning("no checkpoint: %s; the rules are rebuilt from the stream", error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("the checkpoint has another shape (%s): the rules are rebuilt from the stream", error)
        return RuleState()

    async def save(self, state: RuleState) -> None:
        """Write the state; log a loss once and the return once."""
        try:
            await self._redis.set(_KEY, json.dumps(to_data(state)))
        except (RedisError, OSError) as error:
            if not self._lost:
                log.warning("the checkpoint cannot be saved: %s; the fold goes on without", error)
            self._lost = True
        else:
            if self._lost:
                log.warning("the checkpoint is saved again")
            self._lost = False

    async def start(self) -> None:
        """Nothing to do before first use."""

    async def stop(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
