"""The plant file's section about the unified namespace on MQTT."""

from pydantic import Field

from services.contracts.strict import Strict


class Mqtt(Strict):
    """Results, states and alarms over MQTT; nothing can be commanded there. Without this section: no MQTT."""

    root: str = Field(default="uns", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """The first level of every topic."""
