"""How a window becomes measurements: admit, check, compute, say, and only then answer."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from prometheus_client import Counter

from services.chassis.errors import Conflict, Denied, Exhausted, Invalid, NotFound
from services.chassis.telemetry import Stopwatch, span
from services.contracts.plant import Plant
from services.contracts.sensor import Channel, Sensor
from services.measurement.domain import faults
from services.measurement.domain.faults import Fault, Last, Span
from services.measurement.domain.window import Measurement, Window, features
from services.measurement.ports import Facts

RECORDED = Counter("jidoka_measurements_recorded", "Numbers said durably", ["station", "name"])
REFUSED = Counter("jidoka_windows_refused", "Windows that cannot be believed", ["station", "reason"])
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TOOL = re.compile(r"[A-Za-z0-9._-]{0,64}")
_OWN_UNITS = {"crest": "1"}


@dataclass
class Recorder:
    """The use case behind `Record`."""

    plant: Plant
    facts: Facts
    clock: Callable[[], float]
    max_in_flight: int
    max_clipped_samples: int
    max_ahead_s: float
    _in_flight: int = 0
    _last: dict[tuple[str, str], Last] = field(default_factory=dict)

    async def record(self, window: Window, client: str) -> tuple[Measurement, ...]:
        """The measurements of one window, all of them durable.

        Raises Invalid, Conflict, NotFound or Denied for what must be mended at the sensor, Exhausted before acceptance,
        and Unavailable when the broker is away: then the sensor keeps the window and sends it again.
        """
        sensor = self._admit(window, client)
        if self._in_flight >= self.max_in_flight:
            raise Exhausted(f"{self._in_flight} windows are being recorded", fix="send again in a moment")
        self._in_flight += 1
        try:
            with span("compute"), Stopwatch("compute"):
                measured = self._measure(window, client, sensor)
            await asyncio.gather(*map(self.facts.recorded, measured))
        finally:
            self._in_flight -= 1
        for each in measured:
            RECORDED.labels(window.place, each.name).inc()
        return measured

    def _admit(self, window: Window, client: str) -> Sensor:
        if not _ID.fullmatch(window.window_id):
            raise Invalid("must be 1 to 64 of A-Z a-z 0-9 . _ : -", field="window.window_id", fix="use a UUID")
        if not _TOOL.fullmatch(window.tool):
            raise Invalid("must be at most 64 of A-Z a-z 0-9 . _ -", field="window.tool", fix="use its serial number")
        stations = {str(place): station for place, _, station in self.plant.stations()}
        station = stations.get(window.place)
        if station is None:
            raise NotFound(f"no station {window.place}", field="window.station", fix=f"known: {', '.join(stations)}")
        sensor = next((sensor for sensor in station.sensors if sensor.client == client), None)
        if sensor is None:
            fix = "name the sensor at that station in the plant file"
            raise Denied(f"{client} may not send for {window.place}", field="window.station", fix=fix)
        return sensor

    def _measure(self, window: Window, client: str, sensor: Sensor) -> tuple[Measurement, ...]:
        now_s = self.clock()
        window = replace(window, recorded_at_s=window.recorded_at_s or now_s)
        declared = {channel.name: channel for channel in sensor.channels}
        fault = self._fault(window, sensor, declared, now_s)
        key = (client, window.place)
        if fault is None and (last := self._last.get(key)) is not None:
            moves = any(not channel.steady for channel in sensor.channels)
            fault = faults.of_sequence(last, window, moves=moves)
        if fault is not None:
            REFUSED.labels(window.place, fault.reason).inc()
            kind = Conflict if fault.reason == "reused-id" else Invalid
            raise kind(fault.what, field=fault.field, fix=fault.fix)
        self._last[key] = faults.newest(self._last.get(key), window)
        return tuple(_computed(window, client, declared, now_s))

    def _fault(self, window: Window, sensor: Sensor, declared: Mapping[str, Channel], now_s: float) -> Fault | None:
        if window.recorded_at_s > now_s + self.max_ahead_s:
            what = f"is {window.recorded_at_s - now_s:.0f} s in the future"
            return Fault("clock", "window.recorded_at", what, "set the sensor's clock (NTP or PTP)")
        sent = [channel.name for channel in window.channels]
        if sorted(sent) != sorted(declared):
            what, fix = f"are {', '.join(sent) or 'none'}", f"send each of {', '.join(declared)} once"
            return Fault("channels", "window.channels", what, fix)
        for at, channel in enumerate(window.channels):
            known, where = declared[channel.name], f"window.channels[{at}] ({channel.name})"
            if channel.unit != known.unit:
                return Fault("unit", f"{where}.unit", f"is {channel.unit!r}", f"send {known.unit} (UCUM)")
            limits = Span(sensor.samples, known.low, known.high, known.steady)
            fault = faults.of_samples(channel.samples, limits, f"{where}.samples", self.max_clipped_samples)
            if fault is not None:
                return fault
        return None


def _computed(window: Window, client: str, declared: Mapping[str, Channel], now_s: float) -> list[Measurement]:
    return [
        Measurement(
            # The client is in it, or one sensor's window could pass for another's and be dropped as a duplicate.
            measurement_id=f"{client}:{window.window_id}:{channel.name}.{feature}",
            sensor=client,
            window=window,
            name=f"{channel.name}.{feature}",
            value=computed[feature],
            unit=_OWN_UNITS.get(feature, channel.unit),
            source_sha256=channel.sha256,
            computed_at_s=now_s,
        )
        for channel in window.channels
        for computed in [features(channel.samples)]
        for feature in declared[channel.name].record
    ]
