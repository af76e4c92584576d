"""An OPC UA server without a way around: encrypted and signed, trusted certificates, named users, rights per role."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import USER_TYPES, PermissionRuleset, User, UserRole
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import struct_from_binary
from cryptography import x509

from services.chassis.run import cancel, spawn
from services.opcua_bridge.adapters import gate
from services.opcua_bridge.adapters.audit import Audit, Hook, caller, serving
from services.opcua_bridge.adapters.expiry import Expiry, OnExpiry
from services.opcua_bridge.adapters.identity import Identity
from services.opcua_bridge.adapters.lockout import PerCertificate
from services.opcua_bridge.adapters.methods import meant
from services.opcua_bridge.adapters.sessions import GuardedServer, GuardedSession
from services.opcua_bridge.adapters.trust import CertificateRefused
from services.opcua_bridge.adapters.users import Account, Accounts

_WRITE = ua.NodeId(ua.ObjectIds.WriteRequest_Encoding_DefaultBinary)
_CALL = ua.NodeId(ua.ObjectIds.CallRequest_Encoding_DefaultBinary)
_ORDINARY = frozenset(map(ua.NodeId, USER_TYPES)) - {
    ua.NodeId(ua.ObjectIds.HistoryReadRequest_Encoding_DefaultBinary),
}
_POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
_LOOK_S = 1.0  # a certificate that is revoked now has no session in 2 s
_LOOKS_PER_CHECK = 60  # a certificate may expire while its owner is connected
log = logging.getLogger("jidoka.opcua")


@dataclass(frozen=True)
class Rights:
    """What a role may do beyond reading: the string node ids that it may write, and the methods that it may call."""

    write: frozenset[str] = frozenset()
    call: frozenset[str] = frozenset()


@dataclass
class _NamedUser(User):  # type: ignore[misc]
    account_role: str = ""
    rights: Rights = field(default_factory=Rights)


class _Users(UserManager):  # type: ignore[misc]
    def __init__(self, identity: Identity, accounts: Accounts, roles: Mapping[str, Rights]) -> None:
        self._identity, self._accounts, self._roles = identity, accounts, roles
        self._lockout = PerCertificate()

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        """The user, or None. Without a name, `certificate` is the user's own, and its signature was verified."""
        account = self._by_certificate(certificate) if username is None else self._by_password(username, password or "")
        if account is None:
            return None
        return _NamedUser(UserRole.User, account.name, account.role, self._roles[account.role])

    async def prepare(self, name: str, password: str) -> None:
        """Whatever takes time about a log-in, before asyncua asks for its user in the middle of its loop."""
        if not self._lockout.waits_s(name[:64], caller().thumbprint):
            await self._accounts.compare(name, password)

    def _by_certificate(self, certificate: bytes) -> Account | None:
        found = x509.load_der_x509_certificate(certificate)
        account = self._accounts.with_certificate(found)
        if account is not None:
            try:
                self._identity.trust.check(found)
            except CertificateRefused as error:
                log.warning("user %s was refused: %s", account.name, error)
                return None
        return account

    def _by_password(self, name: str, password: str) -> Account | None:
        serving(replace(caller(), user=name))  # the record shall say who was tried, too
        key = name[:64], caller().thumbprint
        if waits_s := self._lockout.waits_s(*key):
            log.warning("user %s has guessed too often and waits %.0f s more", key[0], waits_s)
            return None
        account = self._accounts.with_password(name, password)
        (self._lockout.failed if account is None else self._lockout.passed)(*key)
        return account


class _RoleRules(PermissionRuleset):  # type: ignore[misc]
    def __init__(self, guarded: GuardedServer) -> None:
        self._audit, self._space = guarded.audit, guarded.aspace

    def check_validity(self, user: User, action_type: ua.NodeId, body: Any) -> bool:
        """Whether this user may send this request; one forbidden node refuses the whole request."""
        if not isinstance(user, _NamedUser) or action_type not in _ORDINARY:
            self._audit("request", str(ua.ObjectIdNames.get(action_type.Identifier, "")), "", "BadUserAccessDenied")
            return False
        if action_type == _WRITE:
            nodes = [node.NodeId for node in struct_from_binary(ua.WriteParameters, body.copy()).NodesToWrite]
            return self._allowed("write", nodes, user.rights.write)
        if action_type == _CALL:
            calls = struct_from_binary(ua.CallParameters, body.copy()).MethodsToCall
            methods = [meant(self._space, call.ObjectId, call.MethodId) for call in calls]
            return self._allowed("call", methods, user.rights.call)
        return True

    def _allowed(self, act: str, nodes: list[ua.NodeId], allowed: frozenset[str]) -> bool:
        forbidden = [node for node in nodes if node.Identifier not in allowed]
        for node in forbidden:
            self._audit(act, str(node.to_string()), "", "BadUserAccessDenied")
        return not forbidden


class _SecureServer(Server):  # type: ignore[misc]
    """Ends the sessions of those who lose our trust or their account while it runs."""

    iserver: GuardedServer

    def __init__(self, guarded: GuardedServer, identity: Identity, accounts: Accounts, expiry: Expiry) -> None:
        super().__init__(iserver=guarded)
        self._identity, self._accounts, self._expiry = identity, accounts, expiry
        self._looking: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        await self.iserver.audit.start()
        await super().start()
        self._looking = spawn(self._look_forever(), "trust in OPC UA clients")

    async def stop(self) -> None:
        await cancel(self._looking)
        await super().stop()
        await self.iserver.audit.stop()

    async def _look_forever(self) -> None:
        trust, looks, known = self._identity.trust, 0, 0
        while True:
            trust.refresh()
            thorough = trust.version != known or looks % _LOOKS_PER_CHECK == 0
            known, looks = trust.version, looks + 1
            if thorough:
                self._expiry.look()
            for session in self.iserver.open_sessions:
                if session.is_activated() and (why := self._objection(session, thorough=thorough)):
                    log.warning("the session of %s from %s ends: %s", session.user.name, session.name, why)
                    await session.close_session(True)
            await asyncio.sleep(_LOOK_S)

    def _objection(self, session: GuardedSession, *, thorough: bool) -> str:
        try:
            if thorough:
                self._identity.trust.check(x509.load_der_x509_certificate(session.channel_certificate))
        except CertificateRefused as error:
            return str(error)
        same = self._accounts.role_of(session.user.name) == session.user.account_role
        return "" if same else "its account is gone or has another role"


async def secure_server(
    url: str,
    name: str,
    identity: Identity,
    users_file: Path,
    roles: Mapping[str, Rights],
    *,
    max_sessions: int = 50,
    on_audit: Hook | None = None,
    on_expiry: OnExpiry | None = None,
) -> Server:
    """An initialised server that is not yet started. Its only endpoints are encrypted and signed.

    Basic256Sha256 and Aes256Sha256RsaPss; users by password or certificate. `on_audit` gets every call, write, log-in
    and refusal, in order. Raises Invalid for a users file that cannot be used.
    """
    gate.install()
    audit, accounts = Audit(on_audit), Accounts(users_file, roles)
    guarded = GuardedServer(_Users(identity, accounts, roles), audit, max_sessions)
    server = _SecureServer(guarded, identity, accounts, Expiry(identity, on_expiry))
    await server.init()
    server.set_endpoint(url)
    server.set_server_name(name)
    await server.set_application_uri(identity.application_uri)
    await server.load_certificate(identity.certificate_path)
    await server.load_private_key(identity.key_path)
    server.set_security_policy(_POLICIES, permission_ruleset=_RoleRules(guarded))
    server.set_identity_tokens([ua.UserNameIdentityToken, ua.X509IdentityToken])
    server.allow_remote_admin(False)
    guarded.certificate_validator = identity.client_validator()
    return server
