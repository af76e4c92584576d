"""Where a person sees for themselves what made a rule fire."""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from urllib.parse import quote as in_url

from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.contracts.plant import Plant
from services.contracts.rule_base import OnReadings
from services.contracts.rule_sight import MissingPartsRule
from services.mes_connector.domain.work_request import Link


@dataclass(frozen=True)
class Gallery:
    """Where people look at pictures: the gateway's address ("": by a command), and rules that have none to show."""

    gateway_url: str = ""
    blind: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plant: Plant) -> "Gallery":
        """Measured values come without a picture, and so do parts that nobody looked at."""
        blind = (rule.id for rule in plant.rule_set.rules if isinstance(rule, MissingPartsRule) or _measures(rule))
        return cls(plant.evidence.gateway_url, frozenset(blind))


def links(message: wire.WorkRequested, gallery: Gallery) -> tuple[Link, ...]:
    """Commands for the machine that the plant runs on, pictures, and the parts to set aside."""
    return tuple(_links(message, gallery))


def _links(message: wire.WorkRequested, gallery: Gallery) -> Iterator[Link]:
    station = f"{message.station.site}/{message.station.line}/{message.station.station}"
    if message.inspection_ids:
        yield Link("replay", f"jidoka replay {quote(message.inspection_ids[-1])} --station {quote(station)}")
    if message.trace_id:
        yield Link("trace", f"jidoka trace {message.trace_id}")
    if message.last_part_sequence:
        lot = f"lot {message.lot_id}, " if message.lot_id else ""
        yield Link("suspect_range", f"{lot}parts {message.first_part_sequence} to {message.last_part_sequence}")
    if message.episode_id and message.rule_id:
        yield Link("chart", f"jidoka rules chart {message.episode_id}")
    if message.rule_id not in gallery.blind:
        for inspection_id in _to_look_at(list(message.inspection_ids)):
            yield Link("image", _image(inspection_id, station, gallery.gateway_url))
    if message.kind == wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY and (supplier := message.scope.get("supplier")):
        # Names come with the parts: quoted, they cannot smuggle a command into a terminal.
        about = f"--supplier {quote(supplier)}" + (f" --lot {quote(message.lot_id)}" if message.lot_id else "")
        yield Link("export", f"jidoka supplier report {about} --out report")


def _measures(rule: object) -> bool:
    return isinstance(rule, OnReadings) and rule.of.measurement is not None


def _to_look_at(inspections: list[str]) -> list[str]:
    """The first, the middle and the last: a run is seen in three pictures, and an order stays short."""
    if not inspections:
        return []
    return list(dict.fromkeys((inspections[0], inspections[len(inspections) // 2], inspections[-1])))


def _image(inspection_id: str, station: str, gateway_url: str) -> str:
    if not gateway_url:
        return f"jidoka image {quote(inspection_id)} --station {quote(station)}"
    return f"{gateway_url.rstrip('/')}/v1/inspections/{in_url(inspection_id, safe='')}/image?station={in_url(station)}"
