"""When a picture was taken and sent, as a REST client says it."""

from datetime import datetime
from typing import Annotated

from fastapi import Form
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import AwareDatetime

from services.chassis.errors import Invalid
from services.contracts.instant import now


def times(
    captured_at: Annotated[
        AwareDatetime | None, Form(description="by the client's clock, with its zone; none: now")
    ] = None,
    sent_at: Annotated[
        AwareDatetime | None, Form(description="by the same clock, at this sending: then that clock may be wrong")
    ] = None,
) -> dict[str, Timestamp]:
    """The frame's two times, for the door to reckon with (R2). Raises Invalid for what no Timestamp can say."""
    if captured_at is None and sent_at is None:
        came = now()  # both by our clock: the door asks only how far they are apart
        return {"captured_at": came, "sent_at": came}
    said = {"sent_at": sent_at, "captured_at": captured_at}
    stamps = {name: _stamp(name, at) for name, at in said.items() if at is not None}
    return {"captured_at": stamps["captured_at"] if captured_at else stamps["sent_at"], **stamps}


def _stamp(name: str, at: datetime) -> Timestamp:
    stamp = Timestamp()
    try:
        stamp.FromDatetime(at)
    except (ValueError, OverflowError) as error:
        raise Invalid("is no point in time", field=name, fix="send it as 2026-11-30T10:00:00Z") from error
    return stamp
