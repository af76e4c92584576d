"""Sessions that only their owners can use, for servers that asyncua 2.1 leaves open.

It counts session tokens (1001, 1002, ...) and lets any session delete, starve or take over any other's subscriptions;
it bounds connections, but not sessions.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager

from services.opcua_bridge.adapters.audit import Audit
from services.opcua_bridge.adapters.methods import meant

_C = ua.StatusCodes
_CONNECTIONS_PER_SESSION = 4


class GuardedSession(InternalSession):  # type: ignore[misc]
    """A client's session: its token cannot be guessed, and it reaches no subscription but its own."""

    iserver: "GuardedServer"
    channel_certificate: bytes = b""

    async def create_session(self, params: ua.CreateSessionParameters, sockname: Any = None) -> ua.CreateSessionResult:
        params.ClientCertificate = first_of(params.ClientCertificate)  # asyncua's hook reads no chain
        return await super().create_session(params, sockname)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        for request in params:
            request.MethodId = meant(self.aspace, request.ObjectId, request.MethodId)
        results = await super().call(params)
        for request, result in zip(params, results, strict=True):
            inputs = [variant.Value for variant in request.InputArguments]
            self.iserver.audit("call", _name(request.MethodId), inputs, result.StatusCode.name)
        return list(results)

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        results = await super().write(params)
        for node, result in zip(params.NodesToWrite, results, strict=True):
            value = node.Value.Value.Value if node.Value.Value else None
            self.iserver.audit("write", _name(node.NodeId), value, result.name)
        return list(results)

    async def create_subscription(self, *args: Any, **more: Any) -> ua.CreateSubscriptionResult:
        result = await super().create_subscription(*args, **more)
        self.iserver.owners[self.subscription_service.subscriptions[result.SubscriptionId]] = self.user.name
        return result

    def modify_subscription(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        self._only_own(params.SubscriptionId)
        return super().modify_subscription(params)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        self._only_own(params.SubscriptionId)
        return list(await super().create_monitored_items(params))

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        self._only_own(params.SubscriptionId)
        return list(await super().modify_monitored_items(params))

    async def delete_monitored_items(self, params: ua.DeleteMonitoredItemsParameters) -> list[ua.StatusCode]:
        self._only_own(params.SubscriptionId)
        return list(await super().delete_monitored_items(params))

    async def set_monitoring_mode(self, params: ua.SetMonitoringModeParameters) -> list[ua.StatusCode]:
        self._only_own(params.SubscriptionId)
        return list(await super().set_monitoring_mode(params))

    async def set_publishing_mode(self, params: ua.SetPublishingModeParameters) -> list[ua.StatusCode]:
        self._only_own(*params.SubscriptionIds)
        return list(await super().set_publishing_mode(params))

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        self._only_own(params.SubscriptionId)
        return super().republish(params)

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        own = [one for one in ids if self._owns(one)]
        deleted = dict(zip(own, await super().delete_subscriptions(own), strict=True))
        return [deleted.get(one, ua.StatusCode(_C.BadSubscriptionIdInvalid)) for one in ids]

    def publish(self, acks: Iterable[ua.SubscriptionAcknowledgement] | None = None) -> tuple[int, list[ua.StatusCode]]:
        acks = list(acks or ())
        count, results = super().publish([ack for ack in acks if self._owns(ack.SubscriptionId)])
        answers = iter(results)
        invalid = ua.StatusCode(_C.BadSubscriptionIdInvalid)
        return count, [next(answers) if self._owns(ack.SubscriptionId) else invalid for ack in acks]

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        """Only those of the same user (OPC 10000-4, 5.14.7)."""
        allowed = [one for one in params.SubscriptionIds if self._may_take(int(one))]
        granted = ua.TransferSubscriptionsParameters(allowed, params.SendInitialValues)
        taken = dict(zip(allowed, await super().transfer_subscriptions(granted, callback), strict=True))
        processor = callback.__self__  # type: ignore[attr-defined]
        for one in allowed:
            if found := self.subscription_service.subscriptions.get(int(one)):
                found.pub_request_callback = processor.get_publish_request  # asyncua keeps asking the old connection
        return [taken[one] if one in taken else self._not_transferred(int(one)) for one in params.SubscriptionIds]

    def _not_transferred(self, subscription: int) -> ua.TransferResult:
        code = _C.BadUserAccessDenied
        if subscription not in self.subscription_service.subscriptions:
            code = _C.BadSubscriptionIdInvalid
        else:
            self.iserver.audit("transfer subscription", str(subscription), result="BadUserAccessDenied")
        return ua.TransferResult(ua.StatusCode(code), [])

    def _may_take(self, subscription: int) -> bool:
        found = self.subscription_service.subscriptions.get(subscription)
        return found is not None and self.iserver.owners.get(found) == self.user.name

    def _owns(self, subscription: int) -> bool:
        found = self.subscription_service.subscriptions.get(subscription)
        return found is not None and found.session_id == self.session_id

    def _only_own(self, *subscriptions: int) -> None:
        if not all(map(self._owns, subscriptions)):
            raise ServiceError(_C.BadSubscriptionIdInvalid)


class GuardedServer(InternalServer):  # type: ignore[misc]
    """Hands out guarded sessions, at most `max_sessions` of them."""

    def __init__(self, user_manager: UserManager, audit: Audit, max_sessions: int) -> None:
        super().__init__(user_manager=user_manager)
        self.audit, self.max_sessions = audit, max_sessions
        self.max_connections = _CONNECTIONS_PER_SESSION * max_sessions  # who has no session yet is sent away after 30 s
        self.owners: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def create_session(self, name: Any, user: Any = None, external: bool = False) -> GuardedSession:
        """Raises BadTooManySessions."""
        if external and len(self._external_sessions) >= self.max_sessions:
            raise ServiceError(_C.BadTooManySessions)
        more = {} if user is None else {"user": user}
        return GuardedSession(self, self.aspace, self.subscription_service, name, external=external, **more)

    def register_external_session(self, session: InternalSession) -> None:
        session.auth_token = ua.NodeId(os.urandom(32), 0, ua.NodeIdType.ByteString)
        super().register_external_session(session)

    @property
    def open_sessions(self) -> list[GuardedSession]:
        """All that clients have."""
        return list(self._external_sessions.values())


def first_of(chain: bytes) -> bytes:
    """The first certificate of a chain in DER: the peer's own; empty for none."""
    return bytes(uacrypto.der_from_x509(uacrypto.x509_from_der(chain))) if chain else b""


def _name(node: ua.NodeId) -> str:
    return str(node.to_string())
