"""The rules' checkpoint in Redis: one hash, in which position, rules and lines change together or not at all.

A line whose text is not changed is not written again. A checkpoint of another format is not read; one that was made
under other rules is: charts of rules whose text is the same go on, the others begin afresh (`Tracks.digest`).
"""

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.postprocessing.domain.checkpoint import FORMAT, RuleState, line_from_data, line_to_data

log = logging.getLogger("jidoka.checkpoint")
KEY = f"jidoka:rules:v{FORMAT}"
_LINE = "line:"
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
            stored: Mapping[Any, Any] = await self._redis.hgetall(KEY)
            return _state(stored)
        except (RedisError, OSError) as error:
            log.warning("no checkpoint: %s; the rules are rebuilt from the stream", error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("the checkpoint has another shape (%s): the rules are rebuilt from the stream", error)
        return RuleState()

    async def save(self, state: RuleState, changed: Collection[str]) -> bool:
        """Write the changed lines with the position; False when it could not be done. Logs a loss once."""
        fields: dict[Any, Any] = {
            "format": str(FORMAT),
            "position": str(state.position),
            "rules": json.dumps(state.rules),
            **{_LINE + line: json.dumps(line_to_data(state.lines[line])) for line in changed},
        }
        try:
            async with self._redis.pipeline(transaction=True) as transaction:
                if set(changed) == set(state.lines):
                    transaction.delete(KEY)  # lines that are no more
                transaction.hset(KEY, mapping=fields)
                await transaction.execute()
        except (RedisError, OSError) as error:
            if not self._lost:
                log.warning("the checkpoint cannot be saved: %s; the fold goes on without", error)
            self._lost = True
            return False
        if self._lost:
            log.warning("the checkpoint is saved again")
        self._lost = False
        return True

    async def start(self) -> None:
        """Nothing to do before first use."""

    async def stop(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


def _state(stored: Mapping[Any, Any]) -> RuleState:
    if not stored:
        return RuleState()
    fields = {key.decode(): value for key, value in stored.items()}
    if int(fields["format"]) != FORMAT:
        raise ValueError(f"format {fields['format'].decode()}")
    lines = {
        key.removeprefix(_LINE): line_from_data(json.loads(value))
        for key, value in fields.items()
        if key.startswith(_LINE)
    }
    return RuleState(int(fields["position"]), lines, json.loads(fields["rules"]))
