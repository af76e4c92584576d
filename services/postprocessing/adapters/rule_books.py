"""From the declared rules to the ones that are folded, and the text in which they travel."""

import json
from dataclasses import fields
from typing import Any, cast

from pydantic import ValidationError

from services.chassis.errors import Invalid
from services.contracts import rule_set as rule_sets
from services.contracts.plant import Plant
from services.contracts.rule_base import ANY, BaseRule, OnDefects, OnReadings
from services.contracts.rule_counted import UChartRule
from services.contracts.rule_set import Rule as Declared
from services.contracts.rule_set import RuleSet, canonical, digest
from services.contracts.rule_sight import InconclusiveRateRule, MissingPartsRule
from services.postprocessing.domain.charts.bernoulli import BernoulliCusum
from services.postprocessing.domain.charts.chart import Chart
from services.postprocessing.domain.charts.lot_rate import LotRate
from services.postprocessing.domain.charts.measured import Cusum, Ewma
from services.postprocessing.domain.charts.nelson import Nelson
from services.postprocessing.domain.charts.relative import Relative
from services.postprocessing.domain.charts.runs import Consecutive, KOfN
from services.postprocessing.domain.charts.sight import InconclusiveRate, MissingParts
from services.postprocessing.domain.charts.subgroups import PChart, UChart
from services.postprocessing.domain.charts.trend import Trend
from services.postprocessing.domain.count import Patience
from services.postprocessing.domain.rules.rule import Observed, Rule, RuleBook, StopBudget, Terms

_CHARTS: dict[str, type[Any]] = {
    "consecutive": Consecutive,
    "k_of_n": KOfN,
    "bernoulli_cusum": BernoulliCusum,
    "ewma": Ewma,
    "cusum": Cusum,
    "p_chart": PChart,
    "u_chart": UChart,
    "nelson": Nelson,
    "lot_rate": LotRate,
    "trend": Trend,
    "missing_parts": MissingParts,
    "inconclusive_rate": InconclusiveRate,
}
# Their state leaves its start with the first part of the trouble, and so dates it.
_DATED = {"consecutive", "bernoulli_cusum", "cusum", "inconclusive_rate"}
_EVIDENCE = 16
_DAY_S = 86_400.0


def text_of(plant: Plant) -> str:
    """The plant's rules as they travel."""
    return rule_sets.text_of(plant.rule_set, plant.labels())


def book_of(text: str) -> RuleBook:
    """The inverse of `text_of`, ready to be folded. Raises Invalid naming what is wrong with it."""
    try:
        document = json.loads(text)
        rule_set = RuleSet.model_validate(document["rule_set"])
        rules = tuple(_rule(rule) for rule in rule_set.rules)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"these are no rules: {error}", field="rules_json", fix="publish what `text_of` wrote") from error
    return RuleBook(
        version=rule_set.version,
        rules=rules,
        patience=Patience(rule_set.reorder_parts, rule_set.reorder_s),
        budget=StopBudget(rule_set.stop_budget.stops, rule_set.stop_budget.per_s),
        labels=tuple(document["labels"]),
        forget_after_s=rule_set.forget_days * _DAY_S,
        digest=digest(text),
    )


def _rule(rule: Declared) -> Rule:
    observed, name = _observed(rule)
    wanted = set(rule.actions)
    return Rule(
        id=rule.id,
        digest=digest(canonical(rule)),
        chart=_chart(rule),
        observed=observed,
        terms=Terms(
            warn="warn" in wanted,
            pause_line="pause_line" in wanted,
            maintenance_request="maintenance_request" in wanted,
            supplier_notice="supplier_notice" in wanted,
            pause_ttl_s=getattr(rule, "pause_ttl_s", 0.0),
            priority=rule.priority,
            due_h=rule.due_h,
        ),
        name="" if name == ANY else name,
        by=tuple(key for key in rule.by if key not in {"class", "line"}),
        by_class="class" in rule.by and name == ANY,
        reset_on=frozenset(rule.reset_on),
        warm_up_parts=rule.warm_up_parts,
        quiet_parts=rule.quiet_parts,
        groups=rule.groups,
        evidence=min(getattr(rule, "k", _EVIDENCE), 64) if rule.kind in {"consecutive", "k_of_n"} else _EVIDENCE,
        windowed=rule.kind not in _DATED,
        silence_s=getattr(rule, "silence_s", 0.0),
    )


def _chart(rule: Declared) -> Chart:
    kind = _CHARTS[rule.kind]
    chart = cast(Chart, kind(**{field.name: getattr(rule, field.name) for field in fields(kind)}))
    fresh: int = getattr(rule, "fresh", 0)
    return Relative(chart, fresh) if fresh else chart


def _observed(rule: BaseRule) -> tuple[Observed, str]:
    if isinstance(rule, MissingPartsRule):
        return Observed.MISSING, ""
    if isinstance(rule, InconclusiveRateRule):
        return Observed.INCONCLUSIVE, ""
    if isinstance(rule, OnReadings):
        if rule.of.measurement is not None:
            return Observed.MEASUREMENT, rule.of.measurement
        if rule.of.score is not None:
            return Observed.SCORE, rule.of.score
        return Observed.AREA, rule.of.area_px2 or ANY
    assert isinstance(rule, OnDefects)  # there is no fourth kind
    return (Observed.DEFECTS if isinstance(rule, UChartRule) else Observed.DEFECTIVE), rule.of.defect
