"""Where a person sees for themselves what made a rule fire."""

from collections.abc import Iterator
from shlex import quote

from jidoka.workrequest.v1 import workrequest_pb2 as wire

from services.mes_connector.domain.work_request import Link


def links(message: wire.WorkRequested) -> tuple[Link, ...]:
    """Commands for the machine that the plant runs on, and the parts to set aside."""
    return tuple(_links(message))


def _links(message: wire.WorkRequested) -> Iterator[Link]:
    if message.inspection_ids:
        yield Link("replay", f"jidoka replay {message.inspection_ids[-1]}")
    if message.trace_id:
        yield Link("trace", f"jidoka trace {message.trace_id}")
    if message.last_part_sequence:
        lot = f"lot {message.lot_id}, " if message.lot_id else ""
        yield Link("suspect_range", f"{lot}parts {message.first_part_sequence} to {message.last_part_sequence}")
    if message.kind == wire.WORK_REQUEST_KIND_SUPPLIER_QUALITY and (supplier := message.scope.get("supplier")):
        # Names come with the parts: quoted, they cannot smuggle a command into a terminal.
        about = f"--supplier {quote(supplier)}" + (f" --lot {quote(message.lot_id)}" if message.lot_id else "")
        yield Link("export", f"jidoka supplier report {about} --out report")
