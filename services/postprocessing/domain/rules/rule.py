"""A rule, ready to be folded: what it observes, which parts go together, its chart, and what follows from a signal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from services.postprocessing.domain.charts.chart import Chart, State
from services.postprocessing.domain.count import Patience
from services.postprocessing.domain.part import Part

STOP_BUDGET = "stop-budget"
"""The id under which a line that would be stopped too often is escalated; no rule may have it."""
IGNORED_PARTS = "ignored-parts"
"""The id of the alarm for parts that do not count in their turn; no rule may have it."""


class Observed(Enum):
    """What one part tells a rule."""

    DEFECTIVE = "1 with the defect, 0 without"
    DEFECTS = "how many defects"
    SCORE = "the best score"
    AREA = "the area of the defects together"
    MEASUREMENT = "a measured value"
    MISSING = "parts without a verdict"
    INCONCLUSIVE = "1 for INCONCLUSIVE"

    @property
    def of_defects(self) -> bool:
        """Whether what the defective parts have in common can explain it."""
        return self in {Observed.DEFECTIVE, Observed.DEFECTS, Observed.SCORE, Observed.AREA}


@dataclass(frozen=True)
class Terms:
    """What follows from a signal."""

    warn: bool = False
    pause_line: bool = False
    maintenance_request: bool = False
    supplier_notice: bool = False
    pause_ttl_s: float = 5.0
    priority: int = 2
    due_h: float | None = None


@dataclass(frozen=True)
class Rule:
    """One declared rule. `name` is the class (empty: any) or the measurement.

    `digest` is of the rule's text: as long as it stays the same, a chart may go on from a checkpoint. `windowed`: the
    suspect parts are the remembered ones (`evidence` of them), not all since the chart left its start.
    """

    id: str
    digest: str
    chart: Chart
    observed: Observed
    terms: Terms
    name: str = ""
    by: tuple[str, ...] = ("station",)
    by_class: bool = False
    reset_on: frozenset[str] = frozenset()
    warm_up_parts: int = 0
    quiet_parts: int = 50
    groups: int = 256
    evidence: int = 16
    windowed: bool = False
    silence_s: float = 0.0

    @cached_property
    def start(self) -> State:
        return self.chart.start()

    @cached_property
    def rests(self) -> bool:
        """Whether good parts leave the chart at its start: then nothing need be remembered of them."""
        if self.observed in {Observed.SCORE, Observed.AREA, Observed.MEASUREMENT}:
            return False
        return self.chart.step(self.start, 0.0) == (self.start, None)

    @cached_property
    def forgets(self) -> bool:
        """Whether a group without a track is one whose charts rest."""
        return self.rests and not self.warm_up_parts

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What makes a track. A lot's track is its own: stragglers find it, and a new lot begins afresh."""
        return (*self.by, "lot") if "lot" in self.reset_on and "lot" not in self.by else self.by

    @cached_property
    def basis(self) -> tuple[str, ...]:
        """Attributes whose change empties the chart."""
        return tuple(sorted(self.reset_on - {"lot", "resume"}))

    @cached_property
    def after_resume(self) -> bool:
        return "resume" in self.reset_on

    def hears(self, part: Part) -> bool:
        """Whether the part tells this rule anything."""
        if self.observed is Observed.MEASUREMENT:
            return part.measurement == self.name
        return not part.measurement


@dataclass(frozen=True)
class StopBudget:
    """A line is stopped at most `stops` times within `per_s` seconds; then people are called instead."""

    stops: int
    per_s: float


@dataclass(frozen=True)
class RuleBook:
    """All rules of a site, with what they share. `labels` are the classes that its recipes know."""

    version: int
    rules: tuple[Rule, ...]
    patience: Patience
    budget: StopBudget
    labels: tuple[str, ...] = ()
    forget_after_s: float = 7 * 86_400.0
    digest: str = ""
    _by_id: Mapping[str, Rule] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {rule.id: rule for rule in self.rules})

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of that id."""
        return self._by_id.get(rule_id)

    @cached_property
    def on_verdicts(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.observed is not Observed.MEASUREMENT)

    def hearing(self, part: Part) -> Iterator[Rule]:
        """The rules that a part tells something."""
        if not part.measurement:
            return iter(self.on_verdicts)
        return (rule for rule in self.rules if rule.hears(part))
