"""What measurement needs from outside."""

from typing import Protocol

from services.measurement.domain.window import Measurement


class Facts(Protocol):
    """Where measurements go."""

    async def recorded(self, measurement: Measurement) -> None:
        """Say it durably; saying it again is harmless. Raises Unavailable."""
        ...
