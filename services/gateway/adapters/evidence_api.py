"""The picture of a part that did not pass, as its camera sent it."""

import asyncio
import hashlib
from collections.abc import Sequence

from fastapi import FastAPI, Response
from nats.errors import Error as NatsError
from nats.js.api import ObjectInfo
from nats.js.errors import DigestMismatchError, NotFoundError
from nats.js.object_store import ObjectStore

from services.chassis.bus import Bus
from services.chassis.errors import Conflict, NotFound, Unavailable
from services.contracts.evidence import picture_name
from services.contracts.scopes import RESULT_READ
from services.contracts.subjects import EVIDENCE
from services.gateway.adapters.door import Door
from services.gateway.adapters.stored_verdicts import InspectionId, StationName, StoredVerdicts, only

_DEADLINE_S = 3.0
_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_PNG_OR_JPEG = "only PNG and JPEG leave here"
# One inspection has one picture for ever, and it is nobody's but the asker's.
_HEADERS = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}


class StoredPictures:
    """The `evidence` bucket; larger pictures than `most_bytes` are not read."""

    def __init__(self, bus: Bus, most_bytes: int) -> None:
        self._bus, self._most_bytes = bus, most_bytes

    async def get(self, inspection_id: str, stations: Sequence[str]) -> tuple[bytes, str, str]:
        """The file, the sha256 under which it was stored, and the station (site/line/station) whose picture it is.

        Raises NotFound, Conflict (also when several of the stations have one) or Unavailable.
        """
        try:
            async with asyncio.timeout(_DEADLINE_S):
                store = await self._bus.jetstream.object_store(EVIDENCE)
                infos = {each: await _info(store, picture_name(each, inspection_id)) for each in stations}
                info = only({each: info for each, info in infos.items() if info}, "picture", inspection_id)
                if not 0 < (info.size or 0) <= self._most_bytes:
                    fix = f"at most {self._most_bytes} bytes leave here"
                    raise Conflict(f"the picture has {info.size} bytes", fix=fix)
                # Where the oldest goes first, its pieces go before its entry; nats-py would wait for them for ever.
                await self._bus.jetstream.get_last_msg(f"OBJ_{EVIDENCE}", f"$O.{EVIDENCE}.C.{info.nuid}")
                found = await store.get(info.name)
        except (NotFoundError, DigestMismatchError, NotFound):
            fix = "it is kept only of parts that did not pass, and not for ever: evidence.keep_days in the plant file"
            raise NotFound(f"no picture of inspection {inspection_id!r}", field="inspection_id", fix=fix) from None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the object store does not answer: {error}", fix="ask again") from error
        said = (found.info.headers or {}).get("sha256") or [""]
        station = next(each for each, one in infos.items() if one is info)
        return found.data or b"", str(said[0]), station


async def _info(store: ObjectStore, name: str) -> ObjectInfo | None:
    try:
        return await store.get_info(name)
    except NotFoundError:
        return None


def install(app: FastAPI, verdicts: StoredVerdicts, door: Door, pictures: StoredPictures) -> None:
    """The endpoint."""

    @app.get(
        "/v1/inspections/{inspection_id}/image",
        dependencies=[door.needs(RESULT_READ)],
        summary="The picture of a part that did not pass",
        response_class=Response,
        responses={200: {"content": {media_type: {} for media_type in _MAGIC.values()}}},
    )
    async def image(inspection_id: InspectionId, station: StationName = "") -> Response:
        data, stored_as, place = await pictures.get(inspection_id, verdicts.places(station))
        verdict = await verdicts.at(place, inspection_id) or {}
        wanted = verdict.get("provenance", {}).get("imageSha256") or stored_as
        if hashlib.sha256(data).hexdigest() != wanted:
            raise Conflict("the stored picture is not the one that was judged", field="inspection_id")
        return Response(data, media_type=media_type_of(data), headers=_HEADERS)


def media_type_of(data: bytes) -> str:
    """What the first bytes say that it is. Raises Conflict for anything but PNG and JPEG."""
    for magic, media_type in _MAGIC.items():
        if data.startswith(magic):
            return media_type
    raise Conflict("the stored file is no picture", field="inspection_id", fix=_PNG_OR_JPEG)
