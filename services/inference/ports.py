"""What the supervision needs: a server process, the running Triton behind it, and the model folders."""

from dataclasses import dataclass
from typing import Protocol

from services.inference.domain.models import ModelSpec, Signature, Staged


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
        """Have it served, by the name of its copy."""

    async def unload(self, model: str) -> None:
        """Have it served no more; nothing happens where that is for others to do."""

    async def signature(self, model: str) -> Signature:
        """What the model takes and gives."""
        ...

    async def served(self, model: str) -> int:
        """How many requests it has answered so far. Raises NotFound when it is not loaded."""
        ...

    async def infer(self, name: str, spec: ModelSpec, deadline_s: float) -> Answer:
        """A synthetic inference under that name, whose answer is checked."""
        ...


class Repository(Protocol):
    """The model folders, and the private copies that are served in their place."""

    def stamp(self, model: str) -> object:
        """Something that is another one whenever a file of the model, or a trusted key, may be another one."""
        ...

    def stage(self, model: str) -> Staged:
        """Copy the newest version of a signed model. Raises a MeshError that names folder, file or place in it."""
        ...

    def check(self, staged: Staged) -> None:
        """Raise Denied unless the copy is still what was signed."""

    def forget(self, staged: Staged) -> None:
        """Remove the copy; nothing happens when it is gone."""
