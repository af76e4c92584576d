"""The person at the line: sees over OPC UA whether it runs, and presses Resume once the machine is mended.

A real operator's panel would be a SCADA client like this one: own certificate, own user, nothing but these rights.
"""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.crypto import security_policies

from services.chassis.run import cancel, spawn
from services.contracts.plc import Plc
from services.opcua_bridge.adapters.identity import load_identity

EXECUTE, HOLDING, HELD = 6, 10, 11
"""PackML state numbers (TR88)."""
_POLL_S = 0.05
_DEADLINE_S = 2.0


class LineOperator:
    """Follows one PLC's StateCurrent; reconnects for ever."""

    def __init__(self, plc: Plc, pki: Path, user: str, password: str) -> None:
        self._plc = plc
        self._pki = pki
        self._user = user
        self._password = password
        self._changed = asyncio.Condition()
        self._client: Client | None = None
        self._namespace = 0
        self._task: asyncio.Task[Any] | None = None
        self.state = 0

    async def start(self) -> None:
        """Go to the panel."""
        self._task = spawn(self._watch_forever(), "line operator")

    async def stop(self) -> None:
        """Go home."""
        await cancel(self._task)

    async def until(self, *states: int, deadline_s: float) -> None:
        """Wait until the line is in one of the states. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s), self._changed:
            await self._changed.wait_for(lambda: self.state in states)

    async def resume(self, deadline_s: float) -> None:
        """Press Resume until the line runs again. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            while self.state != EXECUTE:
                with contextlib.suppress(ua.UaError, OSError, TimeoutError, ConnectionError, AttributeError):
                    panel = self._node("Operator")
                    await asyncio.wait_for(panel.call_method(self._node("Operator.Resume").nodeid), _DEADLINE_S)
                with contextlib.suppress(TimeoutError):
                    await self.until(EXECUTE, deadline_s=1.0)

    def _node(self, identifier: str) -> Any:
        return self._client.get_node(ua.NodeId(identifier, self._namespace))  # type: ignore[union-attr]

    async def _watch_forever(self) -> None:
        while True:
            with contextlib.suppress(ua.UaError, OSError, TimeoutError, ConnectionError, AssertionError):
                await self._watch()
            self._client = None
            await self._see(0)
            await asyncio.sleep(random.uniform(0.2, 0.5))

    async def _watch(self) -> None:
        identity = await load_identity(self._pki)
        client = Client(self._plc.url, timeout=_DEADLINE_S)
        client.application_uri = identity.application_uri
        client.session_timeout = 10_000
        client.certificate_validator = identity.server_validator()
        client.set_user(self._user)
        client.set_password(self._password)
        policy = getattr(security_policies, f"SecurityPolicy{self._plc.security_policy}")
        await client.set_security(policy, str(identity.certificate_path), str(identity.key_path))
        async with client:
            self._client = client
            self._namespace = await client.get_namespace_index(self._plc.namespace)
            state = self._node(self._plc.node_ids["StateCurrent"])
            while True:
                await self._see(await asyncio.wait_for(state.read_value(), _DEADLINE_S))
                await asyncio.sleep(_POLL_S)

    async def _see(self, state: int) -> None:
        if state != self.state:
            async with self._changed:
                self.state = state
                self._changed.notify_all()
