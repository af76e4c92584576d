"""The rules of a plant, as declared in its plant file."""

from typing import Literal

from pydantic import Field

from services.contracts.strict import Name, Strict


class ConsecutiveRule(Strict):
    """`k` parts in a row with the same defect label (k = 5 gives a false stop in 3.4 M parts at 5 %)."""

    id: Name
    kind: Literal["consecutive"]
    k: int = Field(ge=2, le=100)
    actions: tuple[Literal["pause_line", "maintenance_request"], ...] = Field(min_length=1)
    pause_ttl_s: float = Field(default=5.0, gt=0, le=60)
    """After this time nobody may execute the pause request."""


class RuleSet(Strict):
    version: int = Field(ge=1)
    rules: tuple[ConsecutiveRule, ...] = ()
    reorder_parts: int = Field(default=16, ge=0, le=1024)
    """So many later parts may wait for a missing one …"""
    reorder_s: float = Field(default=2.0, ge=0)
    """… and so long; then it counts as missed."""
