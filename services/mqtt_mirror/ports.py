"""Where publications go."""

from typing import Protocol

from services.mqtt_mirror.domain import Publication


class Namespace(Protocol):
    """The MQTT broker."""

    async def publish(self, publication: Publication) -> None:
        """Returns when the broker has it (QoS 1). Raises Unavailable."""
