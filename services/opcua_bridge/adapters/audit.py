"""Who did or was refused what: one structured log line each, and in order to whoever wants them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from services.chassis.run import cancel, spawn

_LONGEST = 200
_WAITING = 1000
log = logging.getLogger("jidoka.opcua.audit")


@dataclass(frozen=True)
class Caller:
    """Who is at the other end: the user is empty before log-in, `thumbprint` (SHA-1) without a certificate."""

    user: str = ""
    role: str = ""
    thumbprint: str = ""
    peer: str = ""


@dataclass(frozen=True)
class Entry:
    """One call, write, log-in or refusal. `result` is the name of the status code, `arguments` are cut to 200 signs.

    `at` is in seconds of the epoch.
    """

    caller: Caller
    act: str
    node: str = ""
    arguments: str = ""
    result: str = "Good"
    at: float = field(default_factory=time.time)


Hook = Callable[[Entry], Awaitable[None]]
_caller: ContextVar[Caller] = ContextVar("opcua_caller", default=Caller())  # noqa: B039  # frozen


def caller() -> Caller:
    """Who sent the request that is being served: for method callbacks, which asyncua does not tell."""
    return _caller.get()


def serving(who: Caller) -> None:
    """From here on, in this task, requests are this caller's."""
    _caller.set(who)


def shortened(value: Any) -> str:
    """A value for the record, whatever its length."""
    text = "".join(sign if sign.isprintable() else "?" for sign in str(value)[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class Audit:
    """Takes entries at once, logs them, and hands them to `hook` one after the other.

    A hook that is too slow loses entries beyond 1000 waiting ones; the log has them, and says how many.
    """

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook
        self._waiting: asyncio.Queue[Entry] = asyncio.Queue(_WAITING)
        self._lost = 0
        self._task: asyncio.Task[Any] | None = None

    def __call__(self, act: str, node: str = "", arguments: Any = "", result: str = "Good") -> None:
        """Record what the present caller did."""
        who = caller()
        who = replace(who, user=shortened(who.user))
        entry = Entry(who, act, shortened(node), shortened(arguments), result)
        level = logging.INFO if result == "Good" else logging.WARNING
        log.log(level, "audit", extra={**asdict(who), "act": act, "node": entry.node, "arguments": entry.arguments,
                                       "result": result})  # fmt: skip
        if self._hook is None:
            return
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            self._lost += 1

    async def start(self) -> None:
        """Begin to hand over."""
        if self._hook is not None:
            self._task = spawn(self._hand_over(self._hook), "OPC UA audit")

    async def stop(self) -> None:
        """What still waits is only in the log."""
        await cancel(self._task)

    async def _hand_over(self, hook: Hook) -> None:
        while True:
            entry = await self._waiting.get()
            try:
                await hook(entry)
            except Exception as error:
                log.error("an audit entry was not taken: %s", error)
            if self._lost:
                log.error("%d audit entries were too many for the hook", self._lost)
                self._lost = 0
