"""Measurements on the broker."""

from services.chassis import telemetry
from services.chassis.bus import Bus
from services.contracts.subjects import MEASUREMENT_RECORDED
from services.measurement.adapters import wire
from services.measurement.domain.window import Measurement


class BusFacts:
    """Says each measurement under its own id: a window that is sent again changes nothing."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def recorded(self, measurement: Measurement) -> None:
        """Publish, and wait until it is stored. Raises Unavailable."""
        fact = wire.measurement(measurement, telemetry.trace_id())
        await self._bus.publish(MEASUREMENT_RECORDED.at(fact.station), fact, fact.measurement_id)
