"""Opening and closing one session with a PLC: a new client each time, both certificates checked, refusals explained."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from asyncua import Client
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties

from services.opcua_bridge.adapters.deadline import deadline
from services.opcua_bridge.adapters.identity import Identity, load_identity, thumbprint
from services.opcua_bridge.adapters.peer_check import host_of
from services.opcua_bridge.adapters.plain_words import explain
from services.opcua_bridge.domain.line import LineName

_POLICIES = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": SecurityPolicyAes256Sha256RsaPss,
}
_SESSION_TIMEOUT_MS = 10_000  # a crashed bridge must not keep one of the PLC's few session slots for an hour
_CHANNEL_TIMEOUT_MS = 300_000
_PROBE_S = 5.0  # asyncua's own probe; our heartbeat is the judge
_CLOSE_S = 1.0


class PlcRefusedError(Exception):
    """There is no session, and the text says in one sentence why and what to do."""


class LinkLostError(Exception):
    """A session that cannot be believed any more; the text goes on behind the PLC's name."""


@dataclass(frozen=True)
class PlcAddress:
    """Where a line's PLC is and how we log in."""

    line: LineName
    url: str
    namespace: str
    user: str
    password: str = field(repr=False)
    pki: Path
    policy: str = "Basic256Sha256"
    certificate_host: str = ""
    """Where its certificate names another host than the URL."""

    def why(self, error: BaseException) -> str:
        """What went wrong and what to do about it, in one sentence."""
        peer = f"the PLC at {self.url}"
        if isinstance(error, PlcRefusedError):
            return str(error)
        return f"{peer} {error}" if isinstance(error, LinkLostError) else explain(error, peer)


@contextlib.asynccontextmanager
async def opened(address: PlcAddress, timeout_s: float) -> AsyncIterator[Client]:
    """A connected client, closed at the end. Never auto_reconnect: it may fire an old write late.

    Raises PlcRefusedError; Invalid for an unusable PKI folder.
    """
    identity = await load_identity(address.pki)  # anew each time: a certificate trusted meanwhile needs no restart
    client = Client(address.url, timeout=timeout_s, watchdog_intervall=_PROBE_S)
    client.session_timeout, client.secure_channel_timeout = _SESSION_TIMEOUT_MS, _CHANNEL_TIMEOUT_MS
    client.application_uri = identity.application_uri
    client.set_user(address.user)
    client.set_password(address.password)
    client.certificate_validator = identity.server_validator(address.certificate_host or host_of(address.url))
    policy = _POLICIES[address.policy]
    # By content: a deadline that cuts asyncua's reading short would leave the file open.
    certificate = CertProperties(identity.certificate_path.read_bytes(), "der")
    key = CertProperties(identity.key_path.read_bytes(), "pem")
    try:
        try:
            async with deadline(timeout_s):
                await client.set_security(policy, certificate, key)
            async with deadline(timeout_s):
                await client.connect()
        except Exception as error:  # asyncua shows a refused certificate as a bare AssertionError, among others
            raise PlcRefusedError(_refusal(error, address, identity)) from error
        yield client
    finally:
        await _close(client)


def _refusal(error: Exception, address: PlcAddress, identity: Identity) -> str:
    why = address.why(error)
    if "our certificate" in why:
        return f"{why}; its thumbprint is {thumbprint(identity.certificate)}"
    return f"{why}; we log in as {address.user!r}" if "the user" in why else why


async def _close(client: Client) -> None:
    try:
        with contextlib.suppress(Exception):
            async with deadline(_CLOSE_S):
                await client.disconnect()
    finally:
        client.disconnect_socket()
