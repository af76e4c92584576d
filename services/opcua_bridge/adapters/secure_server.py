"""An OPC UA server without a way around: encrypted and signed, trusted certificates, named users, rights per role."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import USER_TYPES, PermissionRuleset, User, UserRole
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import struct_from_binary
from cryptography import x509

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters import session_tokens
from services.opcua_bridge.adapters.identity import Identity

_WRITE = ua.NodeId(ua.ObjectIds.WriteRequest_Encoding_DefaultBinary)
_CALL = ua.NodeId(ua.ObjectIds.CallRequest_Encoding_DefaultBinary)
_ORDINARY = frozenset(map(ua.NodeId, USER_TYPES)) - {
    ua.NodeId(ua.ObjectIds.TransferSubscriptionsRequest_Encoding_DefaultBinary),  # asyncua checks no ownership
    ua.NodeId(ua.ObjectIds.HistoryReadRequest_Encoding_DefaultBinary),
}


@dataclass(frozen=True)
class Rights:
    """What a role may do beyond reading: the string node ids that it may write, and the methods that it may call."""

    write: frozenset[str] = frozenset()
    call: frozenset[str] = frozenset()


@dataclass
class _NamedUser(User):  # type: ignore[misc]
    rights: Rights = field(default_factory=Rights)


class _Users(UserManager):  # type: ignore[misc]
    def __init__(
        self, identity: Identity, accounts: Mapping[str, Mapping[str, str]], roles: Mapping[str, Rights]
    ) -> None:
        self._identity = identity
        self._accounts = accounts
        self._roles = roles

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        """The user, or None. `certificate` is the one that the channel was opened with.

        asyncua validates the certificate that CreateSession *names*, lets a client name none, and always accepts an
        unencrypted channel: only here is it sure what the peer really holds.
        """
        if not certificate or not self._identity.trust.validate(x509.load_der_x509_certificate(certificate)):
            raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
        account = self._accounts.get(username or "")
        expected = account["password"] if account else ""
        matches = hmac.compare_digest(expected.encode(), (password or "").encode())
        if account is None or not matches:
            return None
        return _NamedUser(role=UserRole.User, name=username, rights=self._roles[account["role"]])


class _RoleRules(PermissionRuleset):  # type: ignore[misc]
    def check_validity(self, user: User, action_type: ua.NodeId, body: Any) -> bool:
        """Whether this user may send this request; one forbidden node refuses the whole request."""
        if not isinstance(user, _NamedUser) or action_type not in _ORDINARY:
            return False
        if action_type == _WRITE:
            nodes = struct_from_binary(ua.WriteParameters, body.copy()).NodesToWrite
            return all(node.NodeId.Identifier in user.rights.write for node in nodes)
        if action_type == _CALL:
            calls = struct_from_binary(ua.CallParameters, body.copy()).MethodsToCall
            return all(call.MethodId.Identifier in user.rights.call for call in calls)
        return True


def read_accounts(path: Path, roles: Mapping[str, Rights]) -> dict[str, dict[str, str]]:
    """The users file, `{name: {password: ..., role: ...}}`; the file is a secret. Raises Invalid."""
    try:
        accounts = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = {str(name): {"password": str(a["password"]), "role": str(a["role"])} for name, a in accounts.items()}
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        fix = "a YAML mapping {name: {password: ..., role: ...}}"
        raise Invalid(f"cannot use {path}: {type(error).__name__}", field="users_file", fix=fix) from error
    for name, account in found.items():
        if account["role"] not in roles or not account["password"]:
            fix = f"one of {', '.join(sorted(roles))}, and a password that is not empty"
            raise Invalid(f"user {name} in {path} has no known role or no password", field="users_file", fix=fix)
    return found


async def secure_server(
    url: str, name: str, identity: Identity, users_file: Path, roles: Mapping[str, Rights]
) -> Server:
    """An initialised server that is not yet started: Basic256Sha256 SignAndEncrypt is its only endpoint."""
    session_tokens.harden()
    server = Server(user_manager=_Users(identity, read_accounts(users_file, roles), roles))
    await server.init()
    server.set_endpoint(url)
    server.set_server_name(name)
    await server.set_application_uri(identity.application_uri)
    await server.load_certificate(identity.certificate_path)
    await server.load_private_key(identity.key_path)
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt], permission_ruleset=_RoleRules())
    server.set_identity_tokens([ua.UserNameIdentityToken])
    server.allow_remote_admin(False)
    server.iserver.certificate_validator = identity.client_validator()
    return server
