"""What the gateway needs from outside."""

from typing import Any, Protocol


class Inspection(Protocol):
    """Where frames go."""

    async def inspect(self, frame: Any) -> dict[str, Any]:
        """The verdict on a frame. Raises a MeshError."""
        ...


class Products(Protocol):
    """Where golden templates are kept."""

    async def put_golden(self, product_id: str, image: bytes) -> str:
        """Store a golden template; returns its SHA-256. Raises Unavailable."""
        ...


class Models(Protocol):
    """What is served."""

    async def list(self) -> list[dict[str, Any]]:
        """All models with their state. Raises Unavailable."""
        ...
