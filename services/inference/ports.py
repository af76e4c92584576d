"""What the supervision needs: a server process, the running Triton behind it, and the model folders."""

from dataclasses import dataclass
from typing import Protocol

from services.inference.domain.models import ModelSpec, Signature


@dataclass(frozen=True)
class Answer:
    """What a synthetic inference brought."""

    version: str
    duration_ms: float


class ModelServer(Protocol):
    """The process that serves models."""

    async def start(self) -> None:
        """Start it; an earlier one is gone for good before."""

    async def failure(self) -> str:
        """Wait until it has exited or lost a model process; says what happened."""
        ...

    async def kill(self) -> None:
        """End it at once with all that belongs to it."""

    async def stop(self) -> None:
        """Let it finish its work for a short while, then end it."""


class Triton(Protocol):
    """The running server; every call has a deadline and raises a MeshError (Unavailable: no answer in time)."""

    async def live(self) -> bool:
        """Whether it answers at all."""
        ...

    async def load(self, model: str) -> None:
        """Have it served in its newest version."""

    async def unload(self, model: str) -> None:
        """Have it served no more; nothing happens where that is for others to do."""

    async def signature(self, model: str) -> tuple[str, Signature]:
        """The newest served version, and what the model takes and gives."""
        ...

    async def served(self, model: str) -> int:
        """How many requests it has answered so far. Raises NotFound when it is not loaded."""
        ...

    async def infer(self, spec: ModelSpec, deadline_s: float) -> Answer:
        """A synthetic inference whose answer is checked."""
        ...


class Repository(Protocol):
    """The model folders."""

    def check(self, model: str) -> None:
        """Raise a MeshError that names the folder, the file or the place in it, when the model may not be loaded."""

    def digest(self, model: str, version: str) -> str:
        """SHA-256 of the model file, in hex."""
        ...

    def labels(self, model: str) -> tuple[str, ...]:
        """Class names by index. Raises NotFound."""
        ...
