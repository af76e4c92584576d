"""One verdict by its inspection id: from the view while it is new, from the stream for as long as that keeps it."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from google.protobuf.json_format import MessageToDict
from jidoka.verdict.v1 import verdict_pb2
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.errors import Conflict, NotFound, Unavailable
from services.contracts.plant import Place
from services.contracts.subjects import STATION, VERDICT_REACHED
from services.gateway.domain import View

T = TypeVar("T")
InspectionId = Annotated[str, Path(pattern="^[A-Za-z0-9._:-]{1,64}$")]
StationName = Annotated[str, Query(description="site/line/station, where several stations have used this id")]


class StoredVerdicts:
    """An inspection id is its station's own, so two stations may have used the same one (R1)."""

    def __init__(self, bus: Bus, view: View, stations: Sequence[str]) -> None:
        self._bus, self._view, self._stations = bus, view, stations

    def places(self, station: str) -> Sequence[str]:
        """Where to look: at the station that was named, else at all. Raises NotFound for one that is not there."""
        if station and station not in self._stations:
            raise NotFound(f"no station {station}", field="station", fix=f"known: {', '.join(self._stations)}")
        return [station] if station else self._stations

    async def find(self, inspection_id: str, station: str = "") -> dict[str, Any]:
        """The verdict. Raises NotFound, Conflict when several stations have used the id, or Unavailable."""
        found = {place: await self.at(place, inspection_id) for place in self.places(station)}
        return only({place: verdict for place, verdict in found.items() if verdict}, "verdict", inspection_id)

    async def at(self, place: str, inspection_id: str) -> dict[str, Any] | None:
        """The verdict of one station, or None. Raises Unavailable."""
        if known := self._view.verdict(place, inspection_id):
            return known
        subject = VERDICT_REACHED.about(Place(*place.split("/")), inspection_id)
        try:
            stored = await self._bus.jetstream.get_last_msg(STATION.name, subject)
        except NotFoundError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not say what is stored: {error}", fix="ask again") from error
        return MessageToDict(verdict_pb2.Verdict.FromString(stored.data or b""))


def only(found: dict[str, T], what: str, inspection_id: str) -> T:
    """The one that was found, by station. Raises NotFound for none and Conflict for more."""
    if not found:
        fix = "is the id right, and its time not over? The stream keeps verdicts for 14 days"
        raise NotFound(f"no {what} of inspection {inspection_id!r}", field="inspection_id", fix=fix)
    if len(found) > 1:
        which = " or ".join(f"?station={place}" for place in found)
        raise Conflict(
            f"{inspection_id!r} stands for a part at each of {len(found)} stations", field="station", fix=which
        )
    return next(iter(found.values()))
