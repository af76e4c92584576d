"""A force sensor over real gRPC, on a tool that wears: numbers its windows, keeps each until its numbers are durable.

    python -m tools.simulators.sensor --tool T7 --windows 120

sends to the plant that `jidoka up` started. The force is a made-up one: the cutter's edges make a sine, chips make
noise, and its root mean square rises, first slowly, then faster, as the real one does when the edge gives way.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
from jidoka.frame.v1 import frame_pb2
from jidoka.measurement.v1 import measurement_pb2, measurement_service_pb2, measurement_service_pb2_grpc
from numpy.typing import NDArray

from services.chassis import rpc, telemetry
from services.chassis.auth import TokenSource
from services.chassis.backoff import Backoff
from services.chassis.errors import Exhausted, Unavailable
from services.contracts.instant import now
from services.contracts.plant import Place, load
from services.contracts.scopes import MEASUREMENT_SUBMIT
from services.contracts.sensor import Sensor as Declared
from tools.plant.state import PlantState, read_state

Samples = NDArray[np.float64]
_DEADLINE_S = 5.0
_LONGEST_PAUSE_S = 1.0
_GIVE_UP_S = 30.0


@dataclass(frozen=True)
class WearingTool:
    """A made-up tool that lasts `life` windows. Force as root mean square: `fresh` at first, `worn` at the end (N)."""

    life: int = 120
    fresh: float = 350.0
    worn: float = 700.0
    scatter: float = 0.005
    """Of the root mean square from window to window, as a share of it."""
    samples: int = 1024
    seed: int = 1

    def level(self, number: int) -> float:
        """Expected root mean square of window `number`, which counts from 0."""
        age = number / self.life
        return self.fresh + (self.worn - self.fresh) * (0.4 * age + 0.6 * age**4)

    def windows(self) -> Iterator[Samples]:
        """One window after the other, for ever: 16 turns of a cutter, one fifth of the power is noise."""
        random_ = np.random.default_rng(self.seed)
        turns = np.linspace(0, 16 * 2 * np.pi, self.samples, endpoint=False)
        number = 0
        while True:
            rms = self.level(number) * (1 + self.scatter * random_.standard_normal())
            noise = np.sqrt(0.2) * random_.standard_normal(self.samples)
            yield rms * (np.sqrt(1.6) * np.sin(turns + random_.uniform(0, 2 * np.pi)) + noise)
            number += 1


class Sensor:
    """One sensor with one channel, at one station, on one tool."""

    def __init__(
        self, channel: grpc.aio.Channel, token: TokenSource, place: Place, declared: Declared, tool: str, lot_id: str
    ) -> None:
        self._stub = measurement_service_pb2_grpc.MeasurementServiceStub(channel)
        self._token = token
        self._place = place
        self._declared = declared.channels[0]
        self._tool = tool
        self._lot_id = lot_id
        self._sequence = 0

    async def send(self, samples: Samples, give_up_s: float = _GIVE_UP_S) -> list[measurement_pb2.Measurement]:
        """The next window's measurements, durable. Raises Unavailable after `give_up_s`, or what is wrong with it."""
        self._sequence += 1
        request = measurement_service_pb2.RecordRequest(window=self._window(samples))
        started, backoff = time.perf_counter(), Backoff(0.05, _LONGEST_PAUSE_S)
        with telemetry.span("sensor", window_id=request.window.window_id):
            while True:
                try:
                    answer = await rpc.call(
                        self._stub.Record, request, deadline_s=_DEADLINE_S, token=self._token, name="send window"
                    )
                    return list(answer.measurements)
                except (Unavailable, Exhausted):
                    if time.perf_counter() - started > give_up_s:
                        raise
                await backoff.wait()

    def _window(self, samples: Samples) -> measurement_pb2.Window:
        at = self._place
        return measurement_pb2.Window(
            window_id=f"{self._lot_id}-{self._tool}-{self._sequence:06d}",
            station=frame_pb2.StationPath(site=at.site, line=at.line, station=at.station),
            tool=self._tool,
            part=frame_pb2.PartRef(lot_id=self._lot_id),
            sequence=self._sequence,
            channels=[measurement_pb2.Channel(name=self._declared.name, unit=self._declared.unit, samples=samples)],
            recorded_at=now(),
        )


async def stream(state: PlantState, tool: str, windows: int, period_s: float, life: int) -> None:
    """Send the windows of one tool to a running plant. Raises LookupError when its plant file names no sensor."""
    stations = load(state.plant_file).stations()
    place, declared = next((at, sensor) for at, _, station in stations for sensor in station.sensors)
    secret = state.secret(f"{declared.client}.client-secret")
    token = TokenSource(state.url("issuer"), declared.client, secret, (MEASUREMENT_SUBMIT,))
    wearing = WearingTool(life=life, samples=declared.samples, seed=time.time_ns())
    async with rpc.channel(state.url("measurement")) as channel:
        sensor = Sensor(channel, token, place, declared, tool, f"run-{int(time.time())}")
        for number, samples in zip(range(1, windows + 1), wearing.windows(), strict=False):
            measured = await sensor.send(samples)
            print(f"window {number}: " + ", ".join(f"{m.name} {m.value:.4g} {m.unit}" for m in measured), flush=True)
            await asyncio.sleep(period_s)
    await token.close()


def main() -> None:
    """Stream until the last window is durable."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--state", type=Path, default=Path(".jidoka"), help="folder of the plant's state")
    options.add_argument("--tool", required=True, help="the tool's serial number: a new tool, a new number")
    options.add_argument("--windows", type=int, default=120)
    options.add_argument("--period-s", type=float, default=0.1)
    options.add_argument("--life", type=int, default=120, help="windows until the made-up tool is worn out")
    given = options.parse_args()
    state = read_state(given.state.resolve())
    if state is None or not state.running():
        raise SystemExit(f"no plant runs in {given.state.resolve()}: start it with `jidoka up`")
    asyncio.run(stream(state, given.tool, given.windows, given.period_s, given.life))


if __name__ == "__main__":
    main()
