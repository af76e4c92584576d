"""Rules about sight itself: whether every part is looked at, and whether the pictures tell anything."""

from typing import Literal

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.rule_base import BaseRule, Quiet, Reset, Rising
from services.contracts.strict import Share


class MissingPartsRule(BaseRule, Quiet):
    """`m` parts of the last `window` got no verdict, or nothing comes at all."""

    kind: Literal["missing_parts"]
    reset_on: tuple[Reset, ...] = ()
    m: int = Field(default=5, ge=1, le=1_000)
    """How many may not be missing …"""
    window: int = Field(default=50, ge=1, le=100_000)
    """… among so many."""
    silence_s: float = Field(default=0.0, ge=0, le=86_400)
    """So long without any verdict, while we do not hold the line, is an alarm; 0: never (a line may simply stand)."""

    @model_validator(mode="after")
    def _fits(self) -> "MissingPartsRule":
        if self.window < self.m:
            raise Mistake("window", f"{self.window} parts cannot miss {self.m}", f"{self.m} or more")
        if "class" in self.by:
            raise Mistake("by", "names the class, which a part without a verdict has not", "take class away")
        return self


class InconclusiveRateRule(Rising, Quiet):
    """The share of INCONCLUSIVE verdicts rises: dirt on the lens, a tired lamp."""

    kind: Literal["inconclusive_rate"]
    reset_on: tuple[Reset, ...] = ("recipe",)
    p0: Share = Field(default=0.02, gt=0, lt=1)
    """The share of INCONCLUSIVE verdicts that is tolerated."""
    p1: Share = Field(default=0.10, gt=0, lt=1)
    """The share that must be detected soon."""
    h: float = Field(default=4.0, gt=1, le=100)
    """The limit."""

    @model_validator(mode="after")
    def _classless(self) -> "InconclusiveRateRule":
        if "class" in self.by:
            raise Mistake("by", "names the class, which an INCONCLUSIVE part has not", "take class away")
        return self
