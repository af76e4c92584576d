"""What the MQTT mirror is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Environment JIDOKA_MQTT_MIRROR_*; the topics' root stands in the plant file."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_MQTT_MIRROR_")

    mqtt_address: str = "127.0.0.1:1883"
    """host:port of the MQTT broker: the listener of our own broker, or the plant's."""
    mqtt_user: str = "mqtt-mirror"
    """Our user there; it may publish below the root and nothing else."""
    mqtt_password_file: Path | None = None
    """File with that user's password."""
    mqtt_ca_file: Path | None = None
    """Certificate authority of the MQTT broker (PEM). None: no TLS, which is taken on loopback only."""
    mqtt_deadline_s: float = Field(default=5.0, gt=0)
    """How long a connection, and the acknowledgement of one message, may take."""
    news_s: float = Field(default=300.0, gt=0)
    """A result or a warning that is older when it could be sent is not sent: a live view wants no history."""
