"""gRPC as every service uses it: deadlines on each call, tokens both ways, errors mapped once, traces carried along."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import AioRpcError, ServicerContext
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from opentelemetry.trace import SpanKind

from services.chassis import errors, telemetry
from services.chassis.auth import Principal, TokenSource, TokenVerifier, caller
from services.chassis.quiet import Quiet

log = logging.getLogger("jidoka.rpc")
T = TypeVar("T")

STATUS: dict[type[errors.MeshError], grpc.StatusCode] = {
    errors.Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Denied: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Bug: grpc.StatusCode.INTERNAL,
}
_KIND = {status: kind for kind, status in STATUS.items()} | {
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Unavailable,
}
_DETAILS = "grpc-status-details-bin"
_HEALTH = "/grpc.health.v1.Health/"


def options(max_message_bytes: int) -> list[tuple[str, int]]:
    """Size limits and keep-alive for a channel or a server."""
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ]


async def call(
    method: Callable[..., Any], request: Any, *, deadline_s: float, token: TokenSource | None = None, name: str = ""
) -> Any:
    """One unary call. Raises a MeshError; cancels what is abandoned (a dropped aio call runs on, grpc #43462)."""
    with telemetry.span(name or "rpc", SpanKind.CLIENT):
        metadata = list(telemetry.inject().items())
        if token is not None:
            metadata.append(("authorization", await token.authorization()))
        pending = method(request, timeout=deadline_s, metadata=metadata)
        try:
            return await pending
        except AioRpcError as error:
            raise from_rpc(error) from error
        finally:
            pending.cancel()


def from_rpc(error: AioRpcError) -> errors.MeshError:
    """The other side's typed error, with its field and fix."""
    kind = _KIND.get(error.code(), errors.Bug)
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            status = status_pb2.Status.FromString(value)
            violation = error_details_pb2.BadRequest()
            if status.details and status.details[0].Unpack(violation) and violation.field_violations:
                found = violation.field_violations[0]
                return kind(status.message, field=found.field, fix=found.description)
    return kind(error.details() or error.code().name)


async def _abort(context: ServicerContext[Any, Any], error: errors.MeshError) -> None:
    code = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    status = status_pb2.Status(code=code.value[0], message=error.message)
    if error.field or error.fix:
        violation = error_details_pb2.BadRequest()
        violation.field_violations.add(field=error.field, description=error.fix)
        status.details.add().Pack(violation)
    context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    await context.abort(code, str(error))


class _Guard(grpc.aio.ServerInterceptor):
    """Around each handler: token and scope, trace, error mapping, and an end even when the caller set no deadline."""

    def __init__(self, verifier: TokenVerifier, scopes: Mapping[str, str], max_handler_s: float) -> None:
        self._verifier, self._scopes, self._max_handler_s = verifier, scopes, max_handler_s

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        if handler is None or details.method.startswith(_HEALTH):
            return handler
        wire = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(details.method, handler.unary_unary), *wire)
        return grpc.stream_stream_rpc_method_handler(self._stream(details.method, handler.stream_stream), *wire)

    async def _authenticate(self, method: str, context: ServicerContext[Any, Any]) -> None:
        principal = await self._verifier.verify(_metadata(context).get("authorization", ""))
        if method not in self._scopes:
            raise errors.Denied(f"no scope opens {method}", field="scope")
        principal.require(self._scopes[method])
        caller.set(principal)

    def _unary(self, method: str, behavior: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T | None]]:
        async def handle(request: Any, context: ServicerContext[Any, Any]) -> T | None:
            with telemetry.span(method.strip("/"), SpanKind.SERVER, telemetry.extract(_metadata(context))):
                try:
                    async with asyncio.timeout(self._max_handler_s):
                        await self._authenticate(method, context)
                        return await behavior(request, context)
                except Exception as error:
                    await _abort(context, _expected(method, error))
            return None

        return handle

    def _stream(self, method: str, behavior: Callable[..., AsyncIterator[T]]) -> Callable[..., AsyncIterator[T]]:
        async def handle(requests: Any, context: ServicerContext[Any, Any]) -> AsyncIterator[T]:
            try:
                await self._authenticate(method, context)
                async for response in behavior(_while_valid(requests, caller.get()), context):
                    yield response
            except Exception as error:
                await _abort(context, _expected(method, error))

        return handle


async def _while_valid(requests: AsyncIterator[T], principal: Principal) -> AsyncIterator[T]:
    """A token is looked at again for each message: a stream may live longer than the right to send."""
    async for request in requests:
        principal.require_unexpired()
        yield request


def _metadata(context: ServicerContext[Any, Any]) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


_quiet = Quiet(1.0)


def _expected(method: str, error: Exception) -> errors.MeshError:
    if isinstance(error, TimeoutError):
        error = errors.Unavailable("the handler ran out of time", fix="send again")
    if isinstance(error, errors.MeshError):
        if (more := _quiet.kept_back((method, error.kind))) is not None:  # else one client writes a log of its own
            log.info("%s answered %s: %s%s", method, error.kind, error, f" (and {more} more like it)" if more else "")
        return error
    log.error("%s failed", method, exc_info=error)
    return errors.Bug("internal error: see the service's log")  # a raw exception text may hold secrets


class Server:
    """A grpc.aio server with health service; `address` is host:port (port 0 = any free one; `port` tells which)."""

    def __init__(
        self,
        address: str,
        verifier: TokenVerifier,
        scopes: Mapping[str, str],
        *,
        max_message_bytes: int = 4 << 20,
        max_concurrent: int = 64,
        max_handler_s: float = 30.0,
        max_connection_age_s: float = 600.0,
        drain_s: float = 5.0,
    ) -> None:
        self._verifier = verifier
        # Past `max_concurrent` gRPC itself answers RESOURCE_EXHAUSTED, before anything was accepted.
        self.grpc = grpc.aio.server(
            interceptors=[_Guard(verifier, scopes, max_handler_s)],
            # Clients look for servers when a connection ends: without an end, one that was added gets no work.
            options=[
                *options(max_message_bytes),
                ("grpc.max_connection_age_ms", int(max_connection_age_s * 1000)),
                ("grpc.max_connection_age_grace_ms", int(max_handler_s * 1000)),
            ],
            maximum_concurrent_rpcs=max_concurrent,
        )
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        self._drain_s = drain_s
        self.port = self.grpc.add_insecure_port(address)

    async def start(self) -> None:
        await self._verifier.warm()
        await self.grpc.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(self._drain_s)


def channel(target: str, *, max_message_bytes: int = 4 << 20) -> grpc.aio.Channel:
    """A channel to every address behind host:port, in turn; reconnects for ever, at most 2 s apart."""
    extra = [
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.lb_policy_name", "round_robin"),  # the default sticks to the first address for ever
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ]
    return grpc.aio.insecure_channel(target, options=[*options(max_message_bytes), *extra])
