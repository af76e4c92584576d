"""What preprocessing needs from outside."""

from typing import Any, Protocol

from services.preprocessing.domain.frame import Candidate, Golden, Image, Seen, ServedModel


class Clock(Protocol):
    """The broker's clock, as this machine knows it."""

    @property
    def known(self) -> bool:
        """Whether the broker has ever said its time; if not, `now_s` is this machine's."""
        ...

    def now_s(self) -> float:
        """Seconds of the epoch."""
        ...


class Goldens(Protocol):
    """Where golden templates are kept."""

    async def get(self, product_id: str) -> Golden:
        """The product's golden template. Raises NotFound or Unavailable."""
        ...


class Detector(Protocol):
    """The model server."""

    def served(self, model: str) -> ServedModel:
        """Which file answers under that name. Raises Unavailable while none does."""
        ...

    async def detect(self, model: ServedModel, part: Image, golden: Image, request_id: str) -> tuple[Candidate, ...]:
        """Candidates for a pair of uint8 [H, W] images. Raises Unavailable."""
        ...


class Judge(Protocol):
    """Who decides."""

    async def judge(self, seen: Seen) -> Any:
        """The durable verdict, as the caller will get it; the first one, when the frame was sent before.

        Raises Conflict for another picture or part under a used id, Unavailable when nothing is promised.
        """
        ...
