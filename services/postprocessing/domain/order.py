"""Part order at one station: verdicts may come late, twice or not at all; rules see each part once, in order."""

from dataclasses import dataclass, replace

from services.postprocessing.domain.part import Part

Due = tuple[tuple[Part, int], ...]
"""Parts whose turn it is, each with how many before it were given up as missing."""


@dataclass(frozen=True)
class Patience:
    """How many later parts, and how long, may wait for a missing one."""

    parts: int
    seconds: float


_NO_PATIENCE = Patience(-1, 0)
_MOST_PAST = 64


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot's count: everything up to `frontier` is folded, `pending` waits for a gap to close."""

    name: str
    frontier: int
    pending: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Where the counting stands. The lot `before` stays open for its stragglers, which a swap of messages makes.

    While it waits for one, the next lot waits behind it: rules see lot after lot. That a lot's last parts are missing
    is known from `before_parts`, when the sender counts them; otherwise they come after the first parts of the next
    lot. What comes of the `past` lots was photographed long ago and kept somewhere: it is ignored. `owed`: so many of a
    lot's last parts were given up; the next part that is due tells the rules.
    """

    lot: Lot | None = None
    before: Lot | None = None
    began_s: float = 0.0
    newest_s: float = 0.0
    missed: int = 0
    ignored: int = 0
    past: tuple[str, ...] = ()
    before_parts: int = 0
    owed: int = 0

    @property
    def lacking(self) -> int:
        """How many of the last parts of the lot before have neither come nor been given up."""
        if self.before is None:
            return 0
        newest = self.before.pending[-1].sequence if self.before.pending else self.before.frontier
        return max(0, self.before_parts - newest)

    @property
    def waiting_since_s(self) -> float | None:
        """When the oldest part that waits for a gap to close was judged."""
        waiting = [part.judged_at_s for lot in (self.before, self.lot) if lot for part in lot.pending]
        return min(waiting, default=None)


def accept(order: Order, part: Part, patience: Patience) -> tuple[Order, Due]:
    """Take one part in; returns the new order and the parts that are due now.

    Duplicates and parts that were given up are counted and ignored. A gap is declared missed once patience ends; time
    is the facts' own, so that a replay decides the same.
    """
    newest_s = max(order.newest_s, part.judged_at_s)
    lot, before = order.lot, order.before
    if part.sequence == 0:
        return replace(order, newest_s=newest_s), ((part, 0),)
    if lot is not None and lot.name == part.lot:
        free = (before is None or not before.pending) and not order.owed
        if part.sequence == lot.frontier + 1 and not lot.pending and free:
            # This is where a fold spends its time: `replace` takes three times as long.
            order = Order(
                Lot(part.lot, part.sequence),
                before,
                order.began_s,
                newest_s,
                order.missed,
                order.ignored,
                order.past,
                order.before_parts,
            )
            return order, ((part, 0),)
        late, target = False, lot
    elif before is not None and before.name == part.lot and part.captured_at_s <= order.began_s:
        late, target = True, before
    elif part.lot in order.past and part.captured_at_s <= order.began_s:
        return replace(order, ignored=order.ignored + 1), ()
    else:
        return _begin(order, part, patience, newest_s)
    if _known(target, part):
        return replace(order, ignored=order.ignored + 1), ()
    filled = _insert(target, part)
    order = replace(order, newest_s=newest_s)
    return _drain(replace(order, before=filled) if late else replace(order, lot=filled), patience, newest_s)


def expire(order: Order, patience: Patience, now_s: float) -> tuple[Order, Due]:
    """Give up what has been waited for long enough at `now_s`, though no later part came."""
    return _drain(order, patience, now_s)


def _begin(order: Order, first: Part, patience: Patience, newest_s: float) -> tuple[Order, Due]:
    """A lot begins, or comes back; the one before the last is closed."""
    due: Due = ()
    if order.before is not None and order.before.name == first.lot:
        lot, counted = order.before, 0  # what it says of its predecessor is not about the lot that it now comes after
        if _known(lot, first):
            return replace(order, ignored=order.ignored + 1), ()
    else:
        counted = first.previous_lot_parts
        order, due = _close_before(_given_up(order), newest_s)
        # A lot counts from 1, but we may have been switched on in its middle.
        lot = Lot(first.lot, 0 if first.sequence <= patience.parts else first.sequence - 1)
    lot = _insert(lot, first)
    begun = replace(
        order, lot=lot, before=order.lot, began_s=first.captured_at_s, newest_s=newest_s, before_parts=counted
    )
    drained, more = _drain(begun, patience, newest_s)
    return drained, due + more


def _given_up(order: Order) -> Order:
    """The last parts of the lot before are waited for no longer."""
    lost = order.lacking
    return replace(order, missed=order.missed + lost, owed=order.owed + lost, before_parts=0) if lost else order


def _close_before(order: Order, now_s: float) -> tuple[Order, Due]:
    if order.before is None:
        return order, ()
    _, due, missed = _release(order.before, _NO_PATIENCE, now_s)
    past = (*order.past, order.before.name)[-_MOST_PAST:]
    return replace(order, before=None, past=past, missed=order.missed + missed), due


def _known(lot: Lot, part: Part) -> bool:
    return part.sequence <= lot.frontier or any(part.sequence == waiting.sequence for waiting in lot.pending)


def _insert(lot: Lot, part: Part) -> Lot:
    return replace(lot, pending=tuple(sorted((*lot.pending, part), key=lambda p: p.sequence)))


def _drain(order: Order, patience: Patience, now_s: float) -> tuple[Order, Due]:
    behind = len(order.lot.pending) if order.lot else 0
    before, early, missed = _release(order.before, patience, now_s, behind)
    order, early = _told(replace(order, before=before, missed=order.missed + missed), early)
    if before is not None and before.pending:
        return order, early
    if order.lacking and order.lot is not None and order.lot.pending:
        if behind <= patience.parts and _waited_s(order.lot.pending, now_s) <= patience.seconds:
            return order, early
        order = _given_up(order)
    lot, due, missed = _release(order.lot, patience, now_s)
    order, due = _told(replace(order, lot=lot, missed=order.missed + missed), due)
    return order, early + due


def _told(order: Order, due: Due) -> tuple[Order, Due]:
    """What is owed goes with the first part that is due."""
    if not order.owed or not due:
        return order, due
    (part, gap), *others = due
    return replace(order, owed=0), ((part, gap + order.owed), *others)


def _waited_s(pending: tuple[Part, ...] | list[Part], now_s: float) -> float:
    return now_s - min(part.judged_at_s for part in pending)


def _release(lot: Lot | None, patience: Patience, now_s: float, behind: int = 0) -> tuple[Lot | None, Due, int]:
    if lot is None or not lot.pending:
        return lot, (), 0
    pending, frontier, missed = list(lot.pending), lot.frontier, 0
    due: list[tuple[Part, int]] = []
    while pending:
        first = pending[0]
        waited_s = _waited_s(pending, now_s)
        gap = first.sequence - frontier - 1
        if gap and len(pending) + behind <= patience.parts and waited_s <= patience.seconds:
            break
        missed += gap
        frontier = first.sequence
        due.append((pending.pop(0), gap))
    return Lot(lot.name, frontier, tuple(pending)), tuple(due), missed
