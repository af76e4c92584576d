"""The rules of a plant, as declared in its plant file."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.rule_counted import (
    BernoulliCusumRule,
    ConsecutiveRule,
    KOfNRule,
    LotRateRule,
    PChartRule,
    UChartRule,
)
from services.contracts.rule_measured import CusumRule, EwmaRule, NelsonRule, TrendRule
from services.contracts.rule_sight import InconclusiveRateRule, MissingPartsRule
from services.contracts.strict import Strict

Rule = Annotated[
    ConsecutiveRule
    | KOfNRule
    | BernoulliCusumRule
    | EwmaRule
    | CusumRule
    | PChartRule
    | UChartRule
    | NelsonRule
    | LotRateRule
    | TrendRule
    | MissingPartsRule
    | InconclusiveRateRule,
    Field(discriminator="kind"),
]
RESERVED_IDS = frozenset({"stop-budget", "ignored-parts"})
"""Of the engine's own alarms: a line that has been stopped too often, and parts that do not count in their turn."""


class StopBudget(Strict):
    """How often a line may be stopped; then people are called (a warning, an order) and it runs on."""

    stops: int = Field(default=6, ge=1, le=60)
    per_s: float = Field(default=3_600.0, gt=0, le=86_400)


class RuleSet(Strict):
    version: int = Field(ge=1)
    """Raise it with every change; verdicts and orders carry it."""
    rules: tuple[Rule, ...] = Field(default=(), max_length=200)
    reorder_parts: int = Field(default=16, ge=0, le=1024)
    """So many later parts may wait for a missing one …"""
    reorder_s: float = Field(default=2.0, ge=0)
    """… and so long; then it counts as missed."""
    stop_budget: StopBudget = StopBudget()
    forget_days: float = Field(default=7.0, gt=0, le=365)
    """An incident that nobody closed for so long no longer keeps its rule from opening another."""

    @model_validator(mode="after")
    def _names(self) -> "RuleSet":
        ids = [rule.id for rule in self.rules]
        for at, name in enumerate(ids):
            if name in RESERVED_IDS:
                raise Mistake(f"rules.{at}.id", f"{name!r} is the engine's own", "choose another")
            if name in ids[:at]:
                raise Mistake(f"rules.{at}.id", f"rule {name!r} is there twice", "rename one")
        return self


def canonical(rules: Strict) -> str:
    """A rule's or a rule set's text, the same however it was written: what is hashed, kept and compared."""
    return json.dumps(rules.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def text_of(rules: RuleSet, labels: Sequence[str]) -> str:
    """Rules as they travel: canonical JSON with the classes that the recipes know."""
    document = {"labels": list(labels), "rule_set": rules.model_dump(mode="json")}
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
