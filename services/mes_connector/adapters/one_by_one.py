"""Where orders stand in a system that is asked for one at a time."""

from collections.abc import Awaitable, Callable, Sequence

from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Filed, Polled, Progress


async def one_by_one(orders: Sequence[Filed], stand: Callable[[Filed], Awaitable[Progress | Answer]]) -> Polled:
    """The first failure ends the round; what was seen until then counts."""
    seen: list[Progress] = []
    for order in orders:
        told = await stand(order)
        if isinstance(told, Answer):
            return Polled(told, tuple(seen))
        seen.append(told)
    return Polled(Answer(Outcome.OPENED), tuple(seen))
