"""What is asked of the MES: the canonical work request."""

import re
from dataclasses import dataclass
from enum import StrEnum

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

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise BadRequest("key", self.key, "1 to 128 letters, digits and . _ : -")
        if not 1 <= self.priority <= 4:
            raise BadRequest("priority", self.priority, "1 critical .. 4 low")
        if not 0 <= self.requested_at < _END_OF_CALENDAR:
            raise BadRequest("requested_at", self.requested_at, "between the years 1970 and 9999")
        for name in ("title", "equipment_id"):
            if not getattr(self, name).strip():
                raise BadRequest(name, getattr(self, name), "must not be empty")
