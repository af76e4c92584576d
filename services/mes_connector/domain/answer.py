"""What the MES may answer, and what each answer means for us."""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """The six things that matter about an answer."""

    OPENED = "the order stands in the MES"
    ABSENT = "there is no such order in the MES"
    REFUSED = "this request will never be taken: a person must look"
    LOCKED_OUT = "our credentials are not taken: no request will be, until a person has looked"
    AWAY = "nothing was opened; it may work later"
    UNKNOWN = "nobody can tell whether it was opened: the MES may still be at it"


@dataclass(frozen=True)
class Answer:
    """An outcome with what came along."""

    outcome: Outcome
    external_id: str = ""
    reason: str = ""
    retry_after_s: float = 0.0
    """How long the MES asked to be left alone."""

    @property
    def failed(self) -> bool:
        """Whether this says something bad about the MES rather than about the request."""
        return self.outcome in (Outcome.AWAY, Outcome.UNKNOWN)


def classify(status: int) -> Outcome:
    """What an HTTP status means for a request that asks for an order."""
    if 200 <= status < 300:
        return Outcome.OPENED
    if status == 401:
        return Outcome.LOCKED_OUT
    # A gateway speaks for a system that did not: the order may stand, or may stand in a moment.
    if status in (502, 504):
        return Outcome.UNKNOWN
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        return Outcome.REFUSED
    return Outcome.AWAY
