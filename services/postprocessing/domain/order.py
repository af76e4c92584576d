"""Part order at one station: verdicts may come late, twice or not at all; rules see each part once, in order.

What belongs where is decided by lot and number, never by a camera's clock: one that is wrong, or is set right, must not
make parts vanish. A number that is taken is a repetition only when the inspection is the same; else its part is due at
once, apart from the others: two cameras with one identity, a count that began anew, or a part that came after its turn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zlib import crc32

from services.postprocessing.domain.count import FARTHEST, NO_PATIENCE, Count, Due, Patience, Turn, release, waited_s
from services.postprocessing.domain.part import Part

REPEATED, NUMBER_TAKEN, JUMPED, BEFORE_RESUME = "repeated", "number-taken", "jumped", "before-resume"
"""Why a part did not count in its turn, or at all."""
_MOST_PAST = 64
_REMEMBERED = 4 * 256
"""Bytes: four for each of the last inspections."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where the counting stands. The count `before` stays open for its stragglers, which a swap of messages makes.

    While it waits for one, the next one waits behind it: rules see lot after lot. That a lot's last parts are missing
    is known from `before_parts`, when the sender counts them; otherwise they come after the first parts of the next
    lot. `past` are the lots of before, with their last numbers: they may come back. `owed`: so many of a lot's last
    parts were given up; the next part that is due tells the rules. `seen` are fingerprints of the last inspections.
    `again`: lot, first and last number of the last run of parts whose numbers were taken. `ignored`: how many parts did
    not count in their turn, by the reason.
    """

    lot: Count | None = None
    before: Count | None = None
    newest_s: float = 0.0
    missed: int = 0
    past: tuple[tuple[str, int], ...] = ()
    before_parts: int = 0
    owed: int = 0
    seen: bytes = b""
    again: tuple[str, int, int] = ("", 0, 0)
    ignored: Mapping[str, int] = field(default_factory=dict)

    @property
    def lacking(self) -> int:
        """How many of the last parts of the lot before have neither come nor been given up."""
        if self.before is None:
            return 0
        lacking = self.before_parts - self.before.newest
        return max(0, lacking) if lacking <= FARTHEST else 0

    @property
    def waiting_since_s(self) -> float | None:
        """When the oldest part that waits for a gap to close was judged."""
        waiting = [part.judged_at_s for count in (self.before, self.lot) if count for part in count.pending]
        return min(waiting, default=None)


def accept(order: Order, part: Part, patience: Patience) -> tuple[Order, Due]:
    """Take one part in; returns the new order and the parts that are due now.

    Repetitions are counted and ignored. A gap is declared missed once patience ends; time is the facts' own, so that a
    replay decides the same.
    """
    newest_s = max(order.newest_s, part.judged_at_s)
    lot = order.lot
    if part.sequence == 0:
        return replace(order, newest_s=newest_s), (Turn(part),)
    before = order.before
    free = (before is None or not before.pending) and not order.owed
    if free and lot is not None and lot.lot == part.lot and part.sequence == lot.frontier + 1 and not lot.pending:
        # This is where a fold spends its time: `replace` takes three times as long.
        order = Order(
            Count(part.lot, part.sequence, (), lot.resumed),
            before,
            newest_s,
            order.missed,
            order.past,
            order.before_parts,
            order.owed,
            (order.seen + _print(part))[-_REMEMBERED:],
            order.again,
            order.ignored,
        )
        return order, (Turn(part),)
    return _sorted_in(order, part, patience, newest_s)


def expire(order: Order, patience: Patience, now_s: float) -> tuple[Order, Due]:
    """Give up what has been waited for long enough at `now_s`, though no later part came."""
    return _drain(order, patience, now_s)


def resumed(order: Order) -> Order:
    """The operator let the line run again: what is numbered until here came before."""
    lot, before = (each and each.at_resume() for each in (order.lot, order.before))
    return replace(order, lot=lot, before=before)


def counted(order: Order, why: str) -> Order:
    """One more part that did not count in its turn."""
    return replace(order, ignored={**order.ignored, why: order.ignored.get(why, 0) + 1})


def _sorted_in(order: Order, part: Part, patience: Patience, newest_s: float) -> tuple[Order, Due]:
    """Where a part belongs that is not simply the next one."""
    if order.lot is not None and order.lot.lot == part.lot and order.lot.takes(part):
        filled = replace(order, lot=order.lot.with_part(part), newest_s=newest_s, seen=_and_seen(order, part))
        return _drain(filled, patience, newest_s)
    if order.before is not None and order.before.lot == part.lot and order.before.takes(part):
        filled = replace(order, before=order.before.with_part(part), newest_s=newest_s, seen=_and_seen(order, part))
        return _drain(filled, patience, newest_s)
    old = [last for name, last in order.past if name == part.lot]
    back = max((last for last in old if last < part.sequence <= last + FARTHEST), default=None)
    if back is not None:
        past = tuple(each for each in order.past if each != (part.lot, back))
        return _begin(replace(order, past=past), part, Count(part.lot, back), patience, newest_s)
    old += [count.newest for count in (order.lot, order.before) if count is not None and count.lot == part.lot]
    if any(part.sequence <= last for last in old):
        return _again(order, part, newest_s)
    if old:
        return _begin(counted(order, JUMPED), part, Count(part.lot, part.sequence - 1), patience, newest_s)
    # A lot counts from 1, but we may have been switched on in its middle.
    first = Count(part.lot, 0 if part.sequence <= patience.parts else part.sequence - 1)
    return _begin(order, part, first, patience, newest_s)


def _begin(order: Order, part: Part, count: Count, patience: Patience, newest_s: float) -> tuple[Order, Due]:
    """A count begins, or comes back; the one before the last is closed."""
    anew = order.lot is not None and order.lot.lot == part.lot  # what it says of the lot before is not about this one
    order, due = _close_before(_given_up(order), newest_s)
    begun = replace(
        order,
        lot=count.with_part(part),
        before=order.lot,
        newest_s=newest_s,
        before_parts=0 if anew else part.previous_lot_parts,
        seen=_and_seen(order, part),
    )
    drained, more = _drain(begun, patience, newest_s)
    return drained, due + more


def _again(order: Order, part: Part, newest_s: float) -> tuple[Order, Due]:
    """A number that is taken. Only parts that follow each other belong to one run: rules say "in a row"."""
    if _print(part) in (order.seen[at : at + 4] for at in range(0, len(order.seen), 4)):
        return counted(order, REPEATED), ()
    lot, first, last = order.again
    if (lot, last + 1) != (part.lot, part.sequence):
        first = part.sequence
    again = (part.lot, first, part.sequence)
    order = replace(counted(order, NUMBER_TAKEN), newest_s=newest_s, again=again, seen=_and_seen(order, part))
    return order, (Turn(part, again=first),)


def _print(part: Part) -> bytes:
    return crc32(part.inspection_id.encode()).to_bytes(4, "little")


def _and_seen(order: Order, part: Part) -> bytes:
    return (order.seen + _print(part))[-_REMEMBERED:]


def _given_up(order: Order) -> Order:
    """The last parts of the lot before are waited for no longer."""
    lost = order.lacking
    return replace(order, missed=order.missed + lost, owed=order.owed + lost, before_parts=0) if lost else order


def _close_before(order: Order, now_s: float) -> tuple[Order, Due]:
    if order.before is None:
        return order, ()
    _, due, missed = release(order.before, NO_PATIENCE, now_s)
    past = (*order.past, (order.before.lot, order.before.newest))[-_MOST_PAST:]
    return replace(order, before=None, past=past, missed=order.missed + missed), due


def _drain(order: Order, patience: Patience, now_s: float) -> tuple[Order, Due]:
    behind = len(order.lot.pending) if order.lot else 0
    before, early, missed = release(order.before, patience, now_s, behind)
    order, early = _told(replace(order, before=before, missed=order.missed + missed), early)
    if before is not None and before.pending:
        return order, early
    if order.lacking and order.lot is not None and order.lot.pending:
        if behind <= patience.parts and waited_s(order.lot.pending, now_s) <= patience.seconds:
            return order, early
        order = _given_up(order)
    lot, due, missed = release(order.lot, patience, now_s)
    order, due = _told(replace(order, lot=lot, missed=order.missed + missed), due)
    return order, early + due


def _told(order: Order, due: Due) -> tuple[Order, Due]:
    """What is owed goes with the first part that is due."""
    if not order.owed or not due:
        return order, due
    first, *others = due
    return replace(order, owed=0), (first._replace(gap=first.gap + order.owed), *others)
