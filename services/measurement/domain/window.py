"""A window of raw samples, and the numbers that stand for it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


class Channel(NamedTuple):
    """The samples of one quantity, in `unit` (UCUM); `sha256` is that of what the sensor sent."""

    name: str
    unit: str
    samples: Samples
    sha256: str


class Part(NamedTuple):
    """Which part was worked on, as far as the sensor knows."""

    lot_id: str = ""
    sequence: int = 0
    product_id: str = ""


@dataclass(frozen=True)
class Window:
    """What a sensor sent: all its channels over the same stretch of time. `sequence` 0: it does not count."""

    window_id: str
    site: str
    line: str
    station: str
    tool: str
    part: Part
    sequence: int
    channels: tuple[Channel, ...]
    recorded_at_s: float
    """Seconds since the epoch by the sensor's clock; 0: it has none."""

    @property
    def place(self) -> str:
        return f"{self.site}/{self.line}/{self.station}"

    @property
    def digest(self) -> str:
        """Of all channels together."""
        return "".join(channel.sha256 for channel in self.channels)


@dataclass(frozen=True)
class Measurement:
    """One number: `name` is channel and feature, `unit` UCUM, `source_sha256` that of the samples behind it."""

    measurement_id: str
    sensor: str
    window: Window
    name: str
    value: float
    unit: str
    source_sha256: str
    computed_at_s: float


def features(samples: Samples) -> dict[str, float]:
    """Of finite samples: root mean square (the mean is in it), greatest absolute value, peak / rms, mean.

    A pure sine of amplitude A: A / sqrt 2, A, sqrt 2, 0. No crest factor where the root mean square is 0.
    """
    rms, peak = float(np.sqrt(np.mean(np.square(samples)))), float(np.max(np.abs(samples)))
    computed = {"rms": rms, "peak": peak, "mean": float(np.mean(samples))}
    return computed | {"crest": peak / rms} if rms else computed
