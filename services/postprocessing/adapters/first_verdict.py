"""The first verdict on an inspection is its verdict, for as long as the stream keeps it (DESIGN 2, review B1)."""

from jidoka.verdict.v1 import verdict_pb2
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Unavailable
from services.contracts import headers
from services.contracts.subjects import STATION, VERDICT_REACHED

_NEW_ID = "give every inspection its own id; keep it only when you send the same picture of the same part again"


class FirstVerdicts:
    """Stores one verdict for each inspection of a station.

    The inspection's id is the last token of the subject, and the broker takes a first message there and no second one.
    So it also says no after its duplicate window, and there is no index of ours that could be lost or behind.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def keep(self, verdict: verdict_pb2.Verdict) -> verdict_pb2.Verdict:
        """The stored verdict: this very one, or the first one on the same picture of the same part.

        Raises Conflict when the id stands for another picture or part, Unavailable when the broker is away.
        """
        subject = VERDICT_REACHED.about(verdict.station, verdict.inspection_id)
        try:
            stored = await self._bus.publish(
                subject, verdict, verdict.inspection_id, extra={headers.EXPECTED_LAST: "0"}
            )
        except Conflict:
            return _of_the_same(verdict, await self._first(subject))
        return _of_the_same(verdict, await self._first(subject)) if stored.duplicate else verdict

    async def _first(self, subject: str) -> verdict_pb2.Verdict:
        try:
            found = await self._bus.jetstream.get_last_msg(STATION.name, subject)
        except NotFoundError:  # the id is remembered a little longer than a verdict that gave way to newer ones
            raise Conflict("is used up, and its verdict is kept no more", field="inspection_id", fix=_NEW_ID) from None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not say what is stored: {error}", fix="send again") from error
        return verdict_pb2.Verdict.FromString(found.data or b"")


def _of_the_same(verdict: verdict_pb2.Verdict, first: verdict_pb2.Verdict) -> verdict_pb2.Verdict:
    if (first.provenance.image_sha256, *_part(first)) != (verdict.provenance.image_sha256, *_part(verdict)):
        part = f"part {first.part.part_sequence} of lot {first.part.lot_id}"
        what = f"{verdict.inspection_id} has the verdict on another picture ({part}) already"
        raise Conflict(what, field="inspection_id", fix=_NEW_ID)
    return first


def _part(verdict: verdict_pb2.Verdict) -> tuple[str, int, str]:
    return verdict.part.lot_id, verdict.part.part_sequence, verdict.part.product_id
