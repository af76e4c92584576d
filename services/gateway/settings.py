"""What the gateway is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Settings of the gateway."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_GATEWAY_")

    http_address: str = "127.0.0.1:8000"
    """Where the REST API listens (host:port)."""
    preprocessing_target: str = "127.0.0.1:50051"
    """InspectionService of preprocessing."""
    inference_target: str = "127.0.0.1:50052"
    """ModelService of inference."""
    mes_progress_secret_file: Path | None = None
    """File with the secret that the MES signs its progress reports with; none: it is asked, and may not report."""
    max_image_bytes: int = Field(default=8 << 20, gt=0)
    """Larger uploads are refused."""
    body_deadline_s: float = Field(default=10.0, gt=0)
    """A request whose body is not whole by then is refused."""
    remembered: int = Field(default=10_000, gt=0)
    """How many verdicts, orders, warnings and so on the view keeps; of verdicts it begins with the newest so many."""
