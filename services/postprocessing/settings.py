"""What postprocessing is told."""

from pathlib import Path

from pydantic import Field
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
    checkpoint_every_s: float = Field(default=0.05, gt=0, le=60)
    """The rules' checkpoint is written at most so often; what is lost of it is folded again."""
    rules_need_two_people: bool = False
    """The plant file only says the first rules of a site; later ones are proposed and approved at the gateway.
    Off: whoever may write the plant file changes the rules, which then has a review of its own."""
    rule_file_look_s: float = Field(default=1.0, gt=0, le=3_600)
    """How often the plant file is looked at for new rules."""
    lines: tuple[str, ...] = ()
    """Lines (site/line) whose rules this process strives to fold; empty: all of the plant. One process folds each."""
