"""What postprocessing is told."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Settings of postprocessing."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_POSTPROCESSING_")

    grpc_address: str = "127.0.0.1:0"
    """Where VerdictService listens (host:port)."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """Where the rules' checkpoint is kept."""
    redis_password_file: Path | None = None
    """File with the Redis password."""
