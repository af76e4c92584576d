"""What the bridge is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """JIDOKA_OPCUA_BRIDGE_*; where the PLCs are stands in the plant file."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_OPCUA_BRIDGE_")

    pki: Path
    """Our OPC UA folder: own/certificate.der, own/private-key.pem, trusted/, crl/ (`jidoka certs` makes it)."""
    plc_user: str = "bridge"
    """Our user at the PLCs; it may write `VisIf.Req*`, `HbVis`, `FailPolicy` and `LinkDeadMs`, and nothing else."""
    plc_password_file: Path | None = None
    """File with that user's password."""
    retry_delay_s: float = Field(default=0.25, gt=0)
    """Pause after a write that brought no answer, before the same command is written again."""
    operation_timeout_s: float = Field(default=0.5, gt=0)
    """Deadline of each read and write at a PLC."""
    connect_timeout_s: float = Field(default=2.0, gt=0)
    """Deadline of discovery, and of the connection that follows it."""
    reconnect_s: float = Field(default=0.25, gt=0)
    """The longest pause before a PLC that was lost is tried again, while that may be chance."""
    breaker_opens_after: int = Field(default=4, ge=1)
    """After so many failures in a row a PLC is spared: pauses double, each time."""
    backoff_max_s: float = Field(default=5.0, gt=0)
    """The longest pause between two attempts to reach a PLC."""
    stable_after_s: float = Field(default=5.0, gt=0)
    """A link that is lost sooner counts as a failure, too: a PLC has few session slots."""
    comms_alarm_after_s: float = Field(default=3.0, gt=0)
    """A PLC that cannot be reached for so long is an alarm."""
    publishing_ms: int = Field(default=50, ge=10)
    """Publishing interval that we ask of PLCs: half of it stands in every acknowledgement, on average."""
    heartbeat_s: float = Field(default=0.5, gt=0)
    """Period of `HbVis`; PLCs expect 0.5 s."""
    dead_after_s: float = Field(default=3.0, gt=0)
    """A PLC whose `HbPlc` stands still for so long is connected anew."""
    scada_url: str = "opc.tcp://127.0.0.1:4841/jidoka"
    """Where SCADA finds us."""
    scada_users_file: Path
    """YAML {name: {password: ..., role: observer|operator|engineer|mes}}; a secret."""
    max_sessions: int = Field(default=50, ge=1, le=1000)
    """SCADA clients that we serve at a time; one more gets BadTooManySessions."""
    stale_after_s: float = Field(default=5.0, gt=0)
    """SCADA values become UncertainLastUsableValue when their source has been away for so long."""
    bad_after_s: float = Field(default=5.0, gt=0)
    """After so much more they become BadCommunicationError."""
    nodeset_folder: Path | None = None
    """OPC UA node sets (`make nodesets` fetches them into .nodesets/); without them SCADA sees plain variables only."""
    results_kept: int = Field(default=1000, ge=1, le=100_000)
    """Results of each station that SCADA may ask for again by their id (about 1 KiB each)."""
    job_orders_kept: int = Field(default=32, ge=1, le=65_535)
    """Job orders of each line; a full list forgets the oldest one that is over. The broker takes a list up to 1 MiB."""
    idle_after_s: float = Field(default=10.0, gt=0)
    """A station without a verdict for so long is Ready and no longer in ContinuousExecution."""
