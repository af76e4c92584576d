"""What a reader is told: where a message stands, and who takes which."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True)
class Delivery:
    """Where a message stands in its stream, and when the broker stored it."""

    subject: str
    sequence: int
    stored_at: datetime
    redelivered: bool
    born: float = 0.0
    """When the stream was made, in seconds of the epoch: a sequence means nothing in another one (R3)."""


Handler = Callable[[Any, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """Messages that match `subject` (may end in `>`) are decoded as `message` and given to `handler`."""

    subject: str
    message: type[Message]
    handler: Handler

    def matches(self, subject: str) -> bool:
        """Whether this route takes the subject."""
        return subject.startswith(self.subject.removesuffix(">"))
