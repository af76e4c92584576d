"""Part order at one station: verdicts may come late, twice or not at all; rules see each part once, in order."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """A judged part as the rules see it. `labels` is None when the verdict was INCONCLUSIVE: it proves nothing.

    Times are seconds since the epoch: `captured_at_s` by the camera's clock, `judged_at_s` by ours.
    """

    inspection_id: str
    lot: str
    sequence: int
    labels: tuple[str, ...] | None
    captured_at_s: float
    judged_at_s: float


@dataclass(frozen=True)
class Patience:
    """How many later parts, and how long, may wait for a missing one."""

    parts: int
    seconds: float


@dataclass(frozen=True)
class Order:
    """Where the counting stands: everything up to `frontier` in `lot` is folded, `pending` waits for a gap to close."""

    lot: str = ""
    frontier: int = 0
    pending: tuple[Part, ...] = ()
    last_lot: str = ""
    missed: int = 0
    ignored: int = 0


def accept(order: Order, part: Part, patience: Patience) -> tuple[Order, tuple[Part, ...], bool]:
    """Take one verdict in; returns the new order, the parts that are due now, and whether a new lot began.

    Duplicates and latecomers are counted and ignored. A gap is declared missed once patience ends; time is the
    verdicts' own, so that a replay decides the same.
    """
    if part.lot == order.last_lot and part.lot != order.lot:
        return replace(order, ignored=order.ignored + 1), (), False
    if part.lot != order.lot:
        order = _begin(order, part, patience)
        order, due = _release(_insert(order, part), patience)
        return order, due, True
    if part.sequence <= order.frontier or any(part.sequence == p.sequence for p in order.pending):
        return replace(order, ignored=order.ignored + 1), (), False
    order, due = _release(_insert(order, part), patience)
    return order, due, False


def _begin(order: Order, first: Part, patience: Patience) -> Order:
    # A lot counts from 1, but we may have been switched on in its middle.
    frontier = 0 if first.sequence <= patience.parts else first.sequence - 1
    return replace(order, lot=first.lot, last_lot=order.lot, frontier=frontier, pending=())


def _insert(order: Order, part: Part) -> Order:
    return replace(order, pending=tuple(sorted((*order.pending, part), key=lambda p: p.sequence)))


def _release(order: Order, patience: Patience) -> tuple[Order, tuple[Part, ...]]:
    pending, frontier, missed = list(order.pending), order.frontier, order.missed
    newest_s = max(p.judged_at_s for p in pending)
    due: list[Part] = []
    while pending:
        first = pending[0]
        waited_s = newest_s - min(p.judged_at_s for p in pending)
        if first.sequence > frontier + 1 and len(pending) <= patience.parts and waited_s <= patience.seconds:
            break
        missed += first.sequence - frontier - 1
        frontier = first.sequence
        due.append(pending.pop(0))
    return replace(order, pending=tuple(pending), frontier=frontier, missed=missed), tuple(due)
