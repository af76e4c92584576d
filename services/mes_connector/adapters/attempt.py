"""One attempt to open an order: in the trace in which the rule fired, and never an exception."""

from collections.abc import Awaitable, Callable

from opentelemetry.trace import SpanKind

from services.chassis import telemetry
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.work_request import BadRequest


async def attempt(order: Order, create: Callable[[Order], Awaitable[Answer]]) -> Answer:
    """What `create` answers; a request that cannot be said in the system's words is REFUSED, naming field and fix."""
    parent = telemetry.extract({"traceparent": order.traceparent})
    key = order.request.key
    with telemetry.span("mes create order", SpanKind.CLIENT, parent=parent, key=key, attempt=order.attempts) as span:
        try:
            answer = await create(order)
        except BadRequest as error:
            answer = Answer(Outcome.REFUSED, reason=f"{error.field}: {error} ({error.fix})")
        span.set_attribute("outcome", answer.outcome.name)
        return answer
