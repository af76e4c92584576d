"""What every rule says: its name, which parts one chart sees, when the chart is emptied, and what follows a signal."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.strict import Name, Share, Strict

Scope = Literal["line", "station", "class", "cavity", "tool", "nozzle", "lot", "supplier"]
Reset = Literal["lot", "recipe", "tool", "resume"]
Action = Literal["warn", "maintenance_request", "supplier_notice"]
StoppingAction = Literal["warn", "pause_line", "maintenance_request", "supplier_notice"]
Label = Annotated[str, Field(pattern=r"^\S{1,63}$")]
ANY = "any"
"""In place of a class: whichever it is."""


class BaseRule(Strict):
    """Common to all kinds. A false alarm costs trust: see each kind for how often it speaks without reason."""

    id: Name
    """Its name in orders, warnings and the audit. Keep it when the rule changes: its open incidents belong to it."""
    by: tuple[Scope, ...] = Field(default=("station",), min_length=1)
    """Parts that agree in all of these are watched by one chart. `line`: all stations of the line together; `class`:
    one chart for each defect class; cavity, tool, nozzle and supplier come with the part, as its context. A part that
    does not carry an attribute is in the group `-`."""
    reset_on: tuple[Reset, ...] = ("lot", "recipe", "resume")
    """What empties the chart: a new lot, a new recipe, another tool, the operator's resume after a stop."""
    warm_up_parts: int = Field(default=0, ge=0, le=100_000)
    """So many parts after a reset are counted but cannot fire."""
    quiet_parts: int = Field(default=50, ge=1, le=1_000_000)
    """An incident that nobody outside will close ends after so many parts without a signal."""
    groups: int = Field(default=256, ge=1, le=4_096)
    """Charts kept at most; the group that changed longest ago gives way."""
    priority: int = Field(default=2, ge=1, le=4)
    """Of its orders: 1 critical to 4 low."""
    due_h: float | None = Field(default=None, gt=0, le=8760)
    """So many hours after it was asked for its order shall be done: preventive work that can be planned. Without it the
    order is corrective, and as soon as possible."""

    @model_validator(mode="after")
    def _one_place(self) -> "BaseRule":
        if ("line" in self.by) == ("station" in self.by):
            raise Mistake("by", "names not exactly one of line and station", "add station, or line for all of them")
        if len(set(self.by)) < len(self.by):
            raise Mistake("by", "says the same twice", "remove one")
        return self


class Quiet(Strict):
    """Actions of a rule that may not hold a line."""

    actions: tuple[Action, ...] = Field(min_length=1)
    """`warn`, `maintenance_request` (an order), `supplier_notice`. This kind must not pause a line: it reacts to chance
    too often, or too late for a stop to help."""


class Stopping(Strict):
    """Actions of a rule that may hold a line: runs, windows and CUSUMs, which people can check by counting."""

    actions: tuple[StoppingAction, ...] = Field(min_length=1)
    """`warn`, `pause_line`, `maintenance_request` (an order), `supplier_notice`."""
    pause_ttl_s: float = Field(default=5.0, gt=0, le=60)
    """After this time nobody may execute the pause request."""


class OfDefect(Strict):
    """A defect, by its class."""

    defect: Label = ANY
    """A class of the recipes, or `any`."""


class OfReading(Strict):
    """A number: exactly one of the three."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    score: Label | None = None
    """The best score (0..1) among the part's defects of this class or of `any`; 0 without one."""
    area_px2: Label | None = None
    """The area of the part's defects of this class, or of `any`, together."""
    measurement: Label | None = None
    """A value that was recorded under this name: RMS, force, temperature, a dimension."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "OfReading":
        if sum(value is not None for value in (self.score, self.area_px2, self.measurement)) != 1:
            raise Mistake("", "names not exactly one number", "give one of score, area_px2 and measurement")
        return self


class OnDefects(BaseRule):
    """Rules that count defective parts."""

    by: tuple[Scope, ...] = Field(default=("station", "class"), min_length=1)
    of: OfDefect = OfDefect()
    """What counts: a class, or any defect."""


class OnReadings(BaseRule):
    """Rules that watch a number, whose mean and sigma in control are known (from 100 good values or more)."""

    of: OfReading
    """What is watched."""


class Rising(BaseRule):
    """Rules that detect a share which rises from `p0` to `p1`."""

    p0: Share = Field(gt=0, lt=1)
    """The share that is tolerated."""
    p1: Share = Field(gt=0, lt=1)
    """The share that must be detected soon."""
    h: float = Field(gt=1, le=100)
    """The limit: higher is slower and falsely alarms less."""

    @model_validator(mode="after")
    def _rises(self) -> "Rising":
        if self.p1 <= self.p0:
            raise Mistake("p1", f"is not above p0 = {self.p0:g}", f"more than {self.p0:g}")
        return self
