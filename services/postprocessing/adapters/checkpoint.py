"""The rules' checkpoint in Redis: one hash for each line, of which all is kept or nothing.

A checkpoint of another format, or of a broker that was set up anew since, is not read: the line is folded from the
stream. One that was made under other rules is read: charts of rules whose text is the same go on, the others begin
afresh (`Tracks.digest`). Who has the line's lease with a higher token shuts out whoever had it before.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.chassis.errors import Unavailable
from services.contracts.subjects import STATION
from services.postprocessing.domain.checkpoint import FORMAT, LineFold, fold_from_data, fold_to_data

log = logging.getLogger("jidoka.checkpoint")
KEY = f"jidoka:rules:v{FORMAT}:"
Birth = Callable[[], Awaitable[str]]
_DEADLINE_S = 1.0
_CLAIM = """
if tonumber(redis.call('HGET', KEYS[1], 'token') or '0') > tonumber(ARGV[1]) then return false end
redis.call('HSET', KEYS[1], 'token', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'fold') or ''
"""
_SAVE = """
if tonumber(redis.call('HGET', KEYS[1], 'token') or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'fold', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


class RedisStore:
    """The connection to Redis, shared by all lines. `birth` names the broker's streams by when they were made."""

    def __init__(self, url: str, password: str, birth: Birth) -> None:
        self.birth = birth
        self.redis = Redis.from_url(
            url,
            password=password or None,
            socket_timeout=_DEADLINE_S,
            socket_connect_timeout=_DEADLINE_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def start(self) -> None:
        """Nothing to do before first use."""

    async def stop(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


class RedisCheckpoint:
    """Redis is a shortcut: when it is away or empty, the rules re-read the stream and lose nothing but time."""

    def __init__(self, store: RedisStore, line: str, token: int) -> None:
        self._store, self._line, self._token = store, line, token
        self._key = ""
        self._lost = False

    async def load(self) -> LineFold:
        """The last fold saved; a fresh one when there is none that can be read. Raises Unavailable."""
        # Positions mean nothing in another stream, and a new bucket counts its tokens from 1 again.
        self._key = f"{KEY}{self._line}:{await self._store.birth()}"
        try:
            stored = await self._ask(_CLAIM)
            if stored is None:
                raise Unavailable(f"a later process has taken {self._line}")
            return fold_from_data(json.loads(stored)) if stored else LineFold()
        except (RedisError, OSError) as error:
            log.warning("no checkpoint of %s: %s; its rules are folded from the stream", self._line, error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s: the checkpoint has another shape (%s): folded from the stream", self._line, error)
        return LineFold()

    async def save(self, fold: LineFold) -> bool:
        """Write it; False when it could not be done. Logs a loss once."""
        try:
            kept = await self._ask(_SAVE, json.dumps(fold_to_data(fold)))
            self._told(None if kept else "a later process has taken the line")
            return bool(kept)
        except (RedisError, OSError) as error:
            self._told(str(error))
            return False

    async def _ask(self, script: str, *more: str) -> Any:
        # A checkpoint that is older than what the stream keeps is of no use to anybody.
        return await self._store.redis.eval(script, 1, self._key, str(self._token), str(STATION.max_age_s), *more)

    def _told(self, loss: str | None) -> None:
        if loss and not self._lost:
            log.warning("the checkpoint of %s cannot be saved: %s; the fold goes on without", self._line, loss)
        if self._lost and not loss:
            log.warning("the checkpoint of %s is saved again", self._line)
        self._lost = loss is not None
