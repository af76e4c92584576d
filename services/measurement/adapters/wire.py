"""Domain values to and from protobuf."""

import hashlib

import numpy as np
from jidoka.frame.v1 import frame_pb2
from jidoka.measurement.v1 import measurement_pb2

from services.contracts.instant import timestamp
from services.measurement.domain.window import Channel, Measurement, Part, Window


def window(message: measurement_pb2.Window) -> Window:
    """What the sensor sent."""
    part = message.part
    return Window(
        window_id=message.window_id,
        site=message.station.site,
        line=message.station.line,
        station=message.station.station,
        tool=message.tool,
        part=Part(part.lot_id, part.part_sequence, part.product_id),
        sequence=message.sequence,
        channels=tuple(map(_channel, message.channels)),
        recorded_at_s=message.recorded_at.ToMicroseconds() / 1e6,
    )


def _channel(message: measurement_pb2.Channel) -> Channel:
    sent = np.asarray(message.samples, dtype="<f4")
    return Channel(message.name, message.unit, sent.astype(np.float64), hashlib.sha256(sent.tobytes()).hexdigest())


def measurement(value: Measurement, trace_id: str) -> measurement_pb2.Measurement:
    """The fact, as everybody gets it."""
    seen = value.window
    part = frame_pb2.PartRef(lot_id=seen.part.lot_id, part_sequence=seen.part.sequence, product_id=seen.part.product_id)
    return measurement_pb2.Measurement(
        measurement_id=value.measurement_id,
        station=frame_pb2.StationPath(site=seen.site, line=seen.line, station=seen.station),
        tool=seen.tool,
        part=part if any(seen.part) else None,
        sequence=seen.sequence,
        name=value.name,
        value=value.value,
        unit=value.unit,
        sensor=value.sensor,
        source_sha256=value.source_sha256,
        recorded_at=timestamp(seen.recorded_at_s),
        computed_at=timestamp(value.computed_at_s),
        trace_id=trace_id,
    )
