"""What measurement is told."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Settings of measurement."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_MEASUREMENT_")

    grpc_address: str = "127.0.0.1:0"
    """Where MeasurementService listens (host:port)."""
    max_window_bytes: int = Field(default=4 << 20, gt=0)
    """Larger requests are refused by the transport; 32 channels of 16,384 samples have 2 MiB."""
    max_in_flight: int = Field(default=32, gt=0)
    """More windows at once are refused with RESOURCE_EXHAUSTED."""
    max_clipped_samples: int = Field(default=2, ge=0)
    """So many samples of a window may lie at an end of the measuring range: a peak that just fits is no fault."""
    max_ahead_s: float = Field(default=5.0, gt=0)
    """A window from further in the future than this is refused: the sensor's clock is wrong."""
