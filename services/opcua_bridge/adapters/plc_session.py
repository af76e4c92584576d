"""Opening and closing one session with a PLC: a new client each time, both certificates checked, refusals explained."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from asyncua import Client, ua
from asyncua.common.node import Node
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.validator import CertificateValidatorMethod
from cryptography import x509

from services.opcua_bridge.adapters.identity import Identity, load_identity, thumbprint
from services.opcua_bridge.domain.line import LineName

# AckCmdId first: the PLC writes it behind AckCode, so an id that is ours vouches for the code read after it.
WATCHED = ("AckCmdId", "AckCode", "StateCurrent", "RemotePauseEnabled", "HbPlc")
WRITTEN = ("HbVis", "ReqCmd", "ReqReason", "ReqText", "ReqTtlMs", "ReqFresh", "ReqCmdId")
_SESSION_TIMEOUT_MS = 10_000  # a crashed bridge must not keep one of the PLC's few session slots for an hour
_CHANNEL_TIMEOUT_MS = 300_000
_PROBE_S = 5.0  # asyncua's own probe; our heartbeat is the judge
_CLOSE_S = 1.0
_CERTIFICATE_CODES = {
    ua.StatusCodes.BadCertificateUntrusted,
    ua.StatusCodes.BadCertificateInvalid,
    ua.StatusCodes.BadCertificateUriInvalid,
    ua.StatusCodes.BadCertificateTimeInvalid,
    ua.StatusCodes.BadCertificateUseNotAllowed,
    ua.StatusCodes.BadCertificateRevoked,
    ua.StatusCodes.BadSecurityChecksFailed,
}
_USER_CODES = {
    ua.StatusCodes.BadUserAccessDenied,
    ua.StatusCodes.BadIdentityTokenRejected,
    ua.StatusCodes.BadIdentityTokenInvalid,
}


class PlcRefusedError(Exception):
    """A person has to act: one side does not trust the other's certificate, or the user may not log in."""


@dataclass(frozen=True)
class PlcAddress:
    """Where a line's PLC is and how we log in."""

    line: LineName
    url: str
    namespace: str
    user: str
    password: str = field(repr=False)
    pki: Path


@contextlib.asynccontextmanager
async def opened(address: PlcAddress, timeout_s: float) -> AsyncIterator[Client]:
    """A connected client, closed at the end. Never auto_reconnect: it may fire an old write late.

    Raises PlcRefusedError; Invalid for an unusable PKI folder; asyncua's and asyncio's errors when the PLC is away.
    """
    identity = await load_identity(address.pki)  # anew each time: a certificate trusted meanwhile needs no restart
    client = Client(address.url, timeout=timeout_s, watchdog_intervall=_PROBE_S)
    client.session_timeout, client.secure_channel_timeout = _SESSION_TIMEOUT_MS, _CHANNEL_TIMEOUT_MS
    client.application_uri = identity.application_uri
    client.set_user(address.user)
    client.set_password(address.password)
    client.certificate_validator = _validator(address, identity)
    try:
        async with asyncio.timeout(timeout_s):
            await client.set_security(SecurityPolicyBasic256Sha256, identity.certificate_path, identity.key_path)
        await _connect(client, address, identity, timeout_s)
        yield client
    finally:
        await _close(client)


async def tags_of(client: Client, address: PlcAddress) -> dict[str, Node]:
    """The nodes of the `VisIf` block that we use. Raises PlcRefusedError when the PLC has no such namespace."""
    try:
        index = await client.get_namespace_index(address.namespace)
    except ValueError as error:
        fix = "load the VisIf block into the PLC, or correct `plc.namespace` in the plant file"
        raise PlcRefusedError(f"the PLC at {address.url} has no namespace {address.namespace!r}: {fix}") from error
    return {tag: client.get_node(ua.NodeId(f"VisIf.{tag}", index)) for tag in (*WATCHED, *WRITTEN)}


async def _connect(client: Client, address: PlcAddress, identity: Identity, timeout_s: float) -> None:
    ours = f"our certificate {thumbprint(identity.certificate)}"
    try:
        async with asyncio.timeout(timeout_s):
            await client.connect()
    except ua.UaStatusCodeError as error:
        name = ua.StatusCode(error.code).name
        if error.code in _CERTIFICATE_CODES:
            raise PlcRefusedError(f"the PLC at {address.url} does not trust {ours} ({name}): trust it there") from error
        if error.code in _USER_CODES:
            raise PlcRefusedError(f"the PLC at {address.url} refused the user {address.user!r} ({name})") from error
        raise
    except (TimeoutError, ConnectionError) as error:
        # Many PLCs hang up on a certificate that they do not trust (asyncua #1254, #1245); discovery did work.
        hint = f"it answered discovery but closed the secure channel: perhaps it does not trust {ours}"
        raise ConnectionError(f"{address.url}: {hint}") from error


def _validator(address: PlcAddress, identity: Identity) -> CertificateValidatorMethod:
    check = identity.server_validator()

    async def validate(certificate: x509.Certificate, description: ua.ApplicationDescription) -> None:
        try:
            await check(certificate, description)
        except ServiceError as error:
            name, theirs = ua.StatusCode(error.code).name, thumbprint(certificate)
            fix = "put it or its CA into our trusted/ folder if it is the right one"
            raise PlcRefusedError(
                f"we do not trust the certificate {theirs} of the PLC at {address.url} ({name}): {fix}"
            ) from error

    return validate


async def _close(client: Client) -> None:
    try:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_S):
                await client.disconnect()
    finally:
        client.disconnect_socket()
