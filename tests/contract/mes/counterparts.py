"""What the contract suite needs of a system on the other side, and the ways in which the way there goes wrong.

A new adapter joins the suite with a class that satisfies `Counterpart` and a line in conftest.py.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import httpx

from services.contracts.mes import Mapping, Mes
from services.mes_connector import ports
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.work_request import Cause, Kind, Link, Place, WorkRequest

EQUIPMENT = "jidoka/lyon/electronics/smt1"
SECRET = "jidoka-user:machine-s3cret"
DEADLINE_S = 20.0
ASKED_AT = 1_795_000_000.0


class Counterpart(Protocol):
    """A system with one adapter that speaks to it; what people do there is done by its methods."""

    mes: ports.Mes
    faults: "Faults"
    refusal: str
    """A word of the system's own when it refuses unknown equipment."""

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **section: Any) -> ports.Mes:
        """Another adapter for the same system, with other fields of the plant file's section."""
        ...

    def wrong_sections(self) -> list[dict[str, Any]]:
        """Sections of the plant file with one mistake each, which `examine` must find."""
        ...

    async def references(self) -> list[str]:
        """Our reference of every order that stands there."""
        ...

    async def comments(self, external_id: str) -> list[str]:
        """The texts that people read at the order."""
        ...

    async def complete(self, external_id: str) -> None:
        """Somebody does the work."""
        ...

    async def cancel(self, external_id: str) -> None:
        """Somebody says that it will not be done."""
        ...

    async def delete(self, external_id: str) -> None:
        """Somebody removes it."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...


class Faults(httpx.AsyncBaseTransport):
    """The way to the system: says what it is told to say, or loses what comes back."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._act: Callable[[httpx.Request], Awaitable[httpx.Response]] = inner.handle_async_request

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._act(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def clear(self) -> None:
        """All is well again."""
        self._act = self._inner.handle_async_request

    def answer(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        """Every call gets this, and nothing happens."""

        async def act(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, text=body, headers=headers)

        self._act = act

    def unreachable(self) -> None:
        """Nobody listens."""

        async def act(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("nobody listens", request=request)

        self._act = act

    def silent(self) -> None:
        """The call arrives and nothing comes back, ever."""

        async def act(_: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        self._act = act

    def lose_replies(self) -> None:
        """What writes happens, and its answer is lost."""

        async def act(request: httpx.Request) -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            if request.method == "GET":
                return response
            raise httpx.ReadTimeout("lost", request=request)

        self._act = act

    def fail_after_commit(self) -> None:
        """What writes happens, and a gateway in between says 502."""

        async def act(request: httpx.Request) -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            return response if request.method == "GET" else httpx.Response(502, text="bad gateway")

        self._act = act

    def garble(self) -> None:
        """Whatever is asked, a welcome page answers, and nothing happens."""
        self.answer(200, "<html>welcome, please log in</html>")


def section(adapter: str, url: str, **changes: Any) -> Mes:
    """The plant file's section, with the suite's equipment mapped to `ours`."""
    mapping = {"equipment": {EQUIPMENT: "SMT1"}} | changes.pop("mapping", {})
    return Mes(name="plant", adapter=adapter, url=url, mapping=Mapping(**mapping), **changes)


def request(key: str = "k1", **changes: Any) -> WorkRequest:
    """A request with every field filled."""
    full: dict[str, Any] = {
        "key": key,
        "episode_id": "episode-1",
        "kind": Kind.MAINTENANCE,
        "title": "Open tracks on 3 boards in a row",
        "description": "The same place on every board: look at the stencil & <nozzle 4>.",
        "priority": 2,
        "equipment_id": EQUIPMENT,
        "place": Place("lyon", "smt1", "aoi1"),
        "rule_id": "in-a-row",
        "defect_label": "open",
        "lot_id": "L-7",
        "first_part_sequence": 11,
        "last_part_sequence": 13,
        "inspection_ids": ("i11", "i12", "i13"),
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "requested_at": ASKED_AT,
        "material": "PCB-9",
        "supplier": "acme",
        "qty_inspected": 40,
        "qty_defective": 3,
        "rate_lower95": 0.0157,
        "statistic": 3.0,
        "limit": 3.0,
        "scope": (("nozzle", "4"),),
        "causes": (Cause("nozzle", "4", 0.9, "3 of 3 defective boards, 5 of 37 good ones"),),
        "evidence": (Link("replay", "jidoka replay i13"), Link("image", "https://plant/images/i13.png")),
        "due_at": ASKED_AT + 86_400,
    }
    return WorkRequest(**(full | changes))


def order(key: str = "k1", **changes: Any) -> Order:
    """A claimed order for that request."""
    return replace(Order.new(request(key, **changes), traceparent="", now=ASKED_AT), updated_at=time.time())
