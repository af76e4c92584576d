"""What the MES connector is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Environment JIDOKA_MES_CONNECTOR_*; which system it is, where, and its words stand in the plant file."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_MES_CONNECTOR_")

    mes_secret_file: Path | None = None
    """File with the MES's secret: webhook signature, API key, password; only b2mml-file needs none."""
    mes_ca_file: Path | None = None
    """Certificate authority of the MES (PEM); without: the system's."""
    mes_deadline_s: float = Field(default=5.0, gt=0)
    """How long one question to the MES may take, all of its calls together."""
    mes_pace_s: float = Field(default=0.05, ge=0, le=60)
    """So long lies between two questions to the MES: a backlog does not flood it when it is back."""
    poll_every_s: float = Field(default=60.0, gt=0)
    """How often open orders are asked after."""
    database_url: str
    """The outbox: sqlite:////path/outbox.sqlite or postgresql://user@host/database (no password in it)."""
    database_password_file: Path | None = None
    """File with the database password."""
    database_ca_file: Path | None = None
    """Certificate authority of the database (PEM); without: the system's. On loopback there is no TLS."""
    database_deadline_s: float = Field(default=5.0, gt=0)
    """How long one transaction may take."""
    retry_base_s: float = Field(default=2.0, gt=0)
    """Ceiling of the first wait after a failure; doubles with each further one …"""
    retry_cap_s: float = Field(default=900.0, gt=0)
    """… up to this."""
    after_timeout_s: float = Field(default=60.0, ge=0)
    """An MES that did not answer may still be working: wait so long before the look-up."""
    give_up_s: float = Field(default=86_400.0, gt=0)
    """An order that could not be placed for so long goes to people."""
    breaker_failures: int = Field(default=5, ge=1)
    """So many failures in a row, and the MES is left alone …"""
    breaker_base_s: float = Field(default=5.0, gt=0)
    """… for so long at first; doubles with each failed probe …"""
    breaker_cap_s: float = Field(default=300.0, gt=0)
    """… up to this."""
    batch: int = Field(default=100, ge=1)
    """How many orders are read from the outbox, or asked after, at a time."""
    most_notes: int = Field(default=50, ge=0)
    """So many comments about an incident that goes on may one order get."""
