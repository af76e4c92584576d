"""What the bridge is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """JIDOKA_OPCUA_BRIDGE_*; where the PLCs are stands in the plant file."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_OPCUA_BRIDGE_")

    pki: Path
    """Our OPC UA folder: own/certificate.der, own/private-key.pem, trusted/, crl/ (tools/certs.py makes it)."""
    plc_user: str = "bridge"
    """Our user at the PLCs; it may write `VisIf.Req*` and `VisIf.HbVis` and nothing else."""
    plc_password_file: Path | None = None
    """File with that user's password."""
    epoch: int = Field(default=1, ge=1, le=255)
    """The high 8 bits of our command ids. Raise it when the LINE stream was lost and numbers from 1 again, or when
    another bridge takes over: a PLC ignores lower epochs and older ids."""
    retry_delay_s: float = Field(default=0.25, gt=0)
    """Pause after a write that brought no answer, before the same command is written again."""
    operation_timeout_s: float = Field(default=0.5, gt=0)
    """Deadline of each read and write at a PLC."""
    connect_timeout_s: float = Field(default=2.0, gt=0)
    """Deadline of discovery, and of the connection that follows it."""
    backoff_max_s: float = Field(default=5.0, gt=0)
    """The longest pause between two attempts to reach a PLC."""
    publishing_ms: int = Field(default=50, ge=10)
    """Publishing interval that we ask of PLCs: half of it stands in every acknowledgement, on average."""
    heartbeat_s: float = Field(default=0.5, gt=0)
    """Period of `HbVis`; PLCs expect 0.5 s."""
    dead_after_s: float = Field(default=3.0, gt=0)
    """A PLC whose `HbPlc` stands still for so long is connected anew."""
    scada_url: str = "opc.tcp://127.0.0.1:4841/jidoka"
    """Where SCADA finds us."""
    scada_users_file: Path
    """YAML {name: {password: ..., role: observer|operator|engineer}}; a secret."""
    stale_after_s: float = Field(default=5.0, gt=0)
    """SCADA values become UncertainLastUsableValue when their source has been away for so long."""
