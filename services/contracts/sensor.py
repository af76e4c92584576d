"""Sensors as the plant file names them: which quantities, in which unit, within which range, and what is recorded."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.strict import Name, Strict

Feature = Literal["rms", "peak", "crest", "mean"]
Unit = Annotated[str, Field(pattern=r"^[!-~]{1,32}$")]
"""A UCUM code, case-sensitive: N, m/s2, Cel, V, 1."""


class Channel(Strict):
    """One quantity."""

    name: Name
    """What it is: force, vibration-x. Rules name it with a feature: force.rms."""
    unit: Unit
    """UCUM, case-sensitive: N, m/s2, Cel. A window in any other unit is refused."""
    low: float
    """Lower end of the measuring range, in that unit."""
    high: float
    """Upper end: samples at an end are clipped, and what is computed of them would be too small."""
    record: tuple[Feature, ...] = Field(default=("rms", "peak", "crest", "mean"), min_length=1)
    """What is kept of each window: root mean square (the mean is in it), greatest absolute value, peak / rms, mean."""
    steady: bool = False
    """It may stand still for a whole window, as a temperature; of any other that means a dead sensor."""

    @model_validator(mode="after")
    def _sensible(self) -> "Channel":
        if self.high <= self.low:
            raise Mistake("high", f"is not above low = {self.low:g}", f"more than {self.low:g}")
        if len(set(self.record)) < len(self.record):
            raise Mistake("record", "says the same twice", "remove one")
        if self.steady and "crest" in self.record:
            raise Mistake("record", "a steady quantity has no crest factor", "record: [mean]")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What its measurements are called."""
        return tuple(f"{self.name}.{feature}" for feature in self.record)


class Sensor(Strict):
    """One sender of windows."""

    client: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    """The OAuth2 client that may send them."""
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=32)
    """All of them are in every window."""
    samples: int = Field(default=1024, ge=16, le=16_384)
    """Of each channel in a window."""

    @model_validator(mode="after")
    def _names(self) -> "Sensor":
        names = [channel.name for channel in self.channels]
        for at, name in enumerate(names):
            if name in names[:at]:
                raise Mistake(f"channels.{at}.name", f"{name!r} is there twice", "rename one")
        return self
