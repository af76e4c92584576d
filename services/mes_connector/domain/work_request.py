"""What is asked of the MES: the canonical work request."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

# The key becomes a header, a query and a message id; a place becomes subject tokens.
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TOKEN = re.compile(r"[a-z0-9-]{1,63}")
_END_OF_CALENDAR = 253_402_300_800.0  # Unix seconds of the year 10000, which no date format can write


class Kind(StrEnum):
    """Who in the plant should care."""

    MAINTENANCE = "maintenance"
    INTERNAL_QUALITY = "internal_quality"
    SUPPLIER_QUALITY = "supplier_quality"


class BadRequest(ValueError):
    """A work request that no MES could take: `field` is wrong, `fix` tells what it must be."""

    def __init__(self, field: str, given: object, fix: str) -> None:
        super().__init__(f"{given!r} cannot be used")
        self.field = field
        self.fix = fix


@dataclass(frozen=True)
class Place:
    """A station with its line and site."""

    site: str
    line: str
    station: str

    def __post_init__(self) -> None:
        for name, token in vars(self).items():
            if not _TOKEN.fullmatch(token):
                raise BadRequest(f"station.{name}", token, "1 to 63 of a-z, 0-9 and -")


@dataclass(frozen=True)
class Cause:
    """What the defective parts have in common and the good ones have not; `confidence` is 0 .. 1."""

    kind: str
    value: str
    confidence: float
    evidence: str


LinkKind: TypeAlias = Literal["image", "chart", "trace", "replay", "suspect_range", "export"]


@dataclass(frozen=True)
class Link:
    """Where a person sees for themselves: an address, or a command to type."""

    what: LinkKind
    url_or_command: str


@dataclass(frozen=True)
class WorkRequest:
    """One wanted order. `key` is its identity here and its external reference there."""

    key: str
    episode_id: str
    kind: Kind
    title: str
    description: str
    priority: int
    """1 critical .. 4 low."""
    equipment_id: str
    """ISA-95 path enterprise/site/area/line/unit."""
    place: Place
    rule_id: str
    defect_label: str
    lot_id: str
    first_part_sequence: int
    last_part_sequence: int
    inspection_ids: tuple[str, ...]
    trace_id: str
    requested_at: float
    """Unix seconds."""
    failure_code: str = ""
    """Our class of the failure; empty: the defect label says it."""
    cause_code: str = ""
    """What kind of thing the defects have in common (tool, cavity, lot …); empty: nothing stands out."""
    material: str = ""
    supplier: str = ""
    qty_inspected: int = 0
    qty_defective: int = 0
    rate_lower95: float | None = None
    """Lower bound of the defect rate, 0 .. 1, with 95 % confidence."""
    statistic: float = 0.0
    """What the rule watched when it fired …"""
    limit: float = 0.0
    """… and the limit that it crossed."""
    scope: tuple[tuple[str, str], ...] = ()
    """What the rule says the parts have in common: cavity, tool, lot, supplier."""
    causes: tuple[Cause, ...] = ()
    """The likeliest first."""
    evidence: tuple[Link, ...] = ()
    due_at: float = 0.0
    """Unix seconds by which it should be done; 0: nobody said."""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise BadRequest("key", self.key, "1 to 128 letters, digits and . _ : -")
        if not 1 <= self.priority <= 4:
            raise BadRequest("priority", self.priority, "1 critical .. 4 low")
        for name in ("requested_at", "due_at"):
            if not 0 <= getattr(self, name) < _END_OF_CALENDAR:
                raise BadRequest(name, getattr(self, name), "between the years 1970 and 9999")
        for name in ("title", "equipment_id"):
            if not getattr(self, name).strip():
                raise BadRequest(name, getattr(self, name), "must not be empty")
