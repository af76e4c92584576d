"""What stands between a connection and its session: who is calling, over what channel, and may it.

asyncua validates the certificate that CreateSession *names*, lets a client name none, and takes a session over an
unencrypted channel: only here is known what the peer really holds.
"""

import hashlib
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server import binary_server_asyncio
from asyncua.server.internal_session import SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary
from cryptography.exceptions import InvalidSignature

from services.opcua_bridge.adapters.audit import Caller, serving
from services.opcua_bridge.adapters.sessions import GuardedServer, first_of

_C = ua.StatusCodes
_CREATE = ua.NodeId(ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary)
_ACTIVATE = ua.NodeId(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary)
_CLOSE = ua.NodeId(ua.ObjectIds.CloseSessionRequest_Encoding_DefaultBinary)
_REGISTER = {
    ua.NodeId(ua.ObjectIds.RegisterServerRequest_Encoding_DefaultBinary),
    ua.NodeId(ua.ObjectIds.RegisterServer2Request_Encoding_DefaultBinary),
}
_SESSIONLESS = _REGISTER | {
    ua.NodeId(ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary),
    ua.NodeId(ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary),
    ua.NodeId(ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary),
    _CLOSE,
}
_ACTS = {_CREATE: "create session", _ACTIVATE: "log in", _CLOSE: "log out"}


class _Gate(UaProcessor):  # type: ignore[misc]
    session: Any

    async def _process_message(self, typeid: ua.NodeId, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        if not isinstance(self.iserver, GuardedServer):
            return await super()._process_message(typeid, requesthdr, seqhdr, body)
        serving(self._caller())
        act = _ACTS.get(typeid)
        was_in = self.session is not None and self.session.is_activated()
        try:
            self._check(typeid, requesthdr, body)
            if typeid == _ACTIVATE:
                await self._prepare(requesthdr.AuthenticationToken, body)
            answer = await super()._process_message(typeid, requesthdr, seqhdr, body)
        except InvalidSignature as error:
            self.iserver.audit(act or "request", result="BadApplicationSignatureInvalid")
            raise ServiceError(_C.BadApplicationSignatureInvalid) from error
        except (ServiceError, ua.UaStatusCodeError) as error:
            if act:
                why = getattr(error, "why", "")
                self.iserver.audit(act, arguments=why, result=ua.StatusCode(error.code).name)
            await self._forget(typeid)
            raise
        if typeid == _CREATE:
            self.session.channel_certificate = self._certificate()
        if typeid == _ACTIVATE or (typeid == _CLOSE and was_in):
            serving(self._caller())
            self.iserver.audit(_ACTS[typeid])
        return answer

    def _check(self, typeid: ua.NodeId, header: Any, body: Any) -> None:
        if typeid in _REGISTER:  # we are no discovery server
            raise ServiceError(_C.BadServiceUnsupported)
        if typeid not in (_CREATE, _ACTIVATE):
            if self.session is not None and self._is_over() and typeid not in _SESSIONLESS:
                raise ServiceError(_C.BadSessionClosed)  # asyncua would go on serving it
            return
        certificate = self._certificate()
        if not certificate or self._connection.security_policy.Mode != ua.MessageSecurityMode.SignAndEncrypt:
            raise ServiceError(_C.BadSecurityChecksFailed)
        if typeid == _CREATE:
            named = struct_from_binary(ua.CreateSessionParameters, body.copy()).ClientCertificate
            if first_of(named or b"") != certificate:
                raise ServiceError(_C.BadSecurityChecksFailed)
            if (
                self.session is not None and not self._is_over()
            ):  # one session for each connection: a second one would have no watchdog
                raise ServiceError(_C.BadTooManySessions)
        elif self.session is None:
            self._check_takeover(header.AuthenticationToken, certificate)

    def _check_takeover(self, token: ua.NodeId, certificate: bytes) -> None:
        """A session moves to another connection only with the certificate that it was made with (10000-4, 5.7.3)."""
        session = self.iserver.lookup_external_session(token)
        if session is not None and session.channel_certificate != certificate:
            raise ServiceError(_C.BadSecurityChecksFailed)

    async def _prepare(self, token: ua.NodeId, body: Any) -> None:
        """What cannot be read is refused by asyncua in its turn."""
        session = self.session or self.iserver.lookup_external_session(token)
        who = struct_from_binary(ua.ActivateSessionParameters, body.copy()).UserIdentityToken
        if session is None or not isinstance(who, ua.UserNameIdentityToken):
            return
        try:
            name, password = self.iserver.decrypt_user_token(session, who)
        except Exception:
            return
        await self.iserver.user_manager.prepare(name or "", password or "")

    async def _forget(self, typeid: ua.NodeId) -> None:
        """A session that was refused at its birth takes no place."""
        if typeid == _CREATE and self.session is not None and not self.session.channel_certificate:
            await self.session.close_session(True)
            self.session = None

    def _is_over(self) -> bool:
        return bool(self.session.state is SessionState.Closed)

    def _certificate(self) -> bytes:
        return self._connection.security_policy.peer_certificate or b""

    def _caller(self) -> Caller:
        user = self.session.user if self.session is not None else None
        held = self._certificate()
        mark = hashlib.sha1(held).hexdigest().upper() if held else ""  # noqa: S324  # the thumbprint of OPC 10000-4
        host, port, *_ = self.name or ("?", 0)
        return Caller(getattr(user, "name", "") or "", getattr(user, "account_role", ""), mark, f"{host}:{port}")


def install() -> None:
    """Let every connection pass the gate; it lets those of other asyncua servers in this process through."""
    binary_server_asyncio.UaProcessor = _Gate
