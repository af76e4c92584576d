"""One part: from the boxes that the model proposes to PASS, FAIL or INCONCLUSIVE.

Each place on the part is looked at once for each class, with the surest box of that class there. What a limit takes
out (an ignored zone, a tolerated size), it takes out for one class at one place. So a wider tolerance can only make a
verdict better, and a stricter one only worse, whatever else is on the part (test_verdict_holds.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from services.postprocessing.domain.candidate import Candidate, places
from services.postprocessing.domain.limits import Limits, Severity


class Outcome(Enum):
    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Defect:
    """A candidate that is a defect: how bad it is, and the critical zone that it touches, if any."""

    candidate: Candidate
    severity: Severity
    zone: str = ""

    def __str__(self) -> str:
        where = f" in the critical zone {self.zone}" if self.zone else ""
        return f"{self.candidate.label} at score {self.candidate.score:.2f}{where}"


@dataclass(frozen=True)
class Judgement:
    """The outcome, the defects that count and those that are tolerated, and one sentence for each reason.

    `best_scores` holds, for every class of the recipe, the best score that neither a zone nor a size took out.
    """

    outcome: Outcome
    defects: tuple[Defect, ...]
    reasons: tuple[str, ...]
    tolerated: tuple[Defect, ...] = ()
    best_scores: Mapping[str, float] = field(default_factory=dict)


def judge(candidates: Iterable[Candidate], findings: Sequence[str], limits: Limits) -> Judgement:
    """Judge one part.

    `findings` say why the picture, or the record of it, proves nothing: then it is INCONCLUSIVE whatever the model
    says. Without a defect, so are a doubt, a class that the recipe does not know and an answer that is no number: what
    nobody specified is never a PASS.
    """
    seen = list(candidates)
    usable = [c for c in seen if c.sound and c.label in limits.classes]
    best_scores = _best_scores(usable, limits)
    if findings:
        return Judgement(Outcome.INCONCLUSIVE, (), tuple(findings), (), best_scores)
    sights = _sights(usable, limits)
    failing, doubtful = (_too_many(sights, limits, sure=sure) for sure in (True, False))
    bad = [[s for s in place if s.sure and not s.small and (s.zone or s.label in failing)] for place in sights]
    defects = tuple(place[0].defect(limits) for place in bad if place)
    spared = (s for place, worse in zip(sights, bad, strict=True) if not worse for s in place if s.sure)
    tolerated = tuple(sight.defect(limits) for sight in spared)
    if defects:
        return Judgement(Outcome.FAIL, defects, tuple(map(str, defects)), tolerated, best_scores)
    doubts = [s for place in sights for s in place if not s.small and (s.zone or s.label in doubtful) and not s.sure]
    if reasons := (*_strange(seen, limits), *(doubt.why(limits) for doubt in doubts)):
        return Judgement(Outcome.INCONCLUSIVE, (), reasons, tolerated, best_scores)
    return Judgement(Outcome.PASS, (), tuple(f"tolerated: {defect}" for defect in tolerated), tolerated, best_scores)


@dataclass(frozen=True)
class _Sight:
    """What one class has to say at one place."""

    candidate: Candidate
    sure: bool
    small: bool
    zone: str

    @property
    def label(self) -> str:
        return self.candidate.label

    def defect(self, limits: Limits) -> Defect:
        severity = Severity.CRITICAL if self.zone else limits.classes[self.label].severity
        return Defect(self.candidate, severity, self.zone)

    def why(self, limits: Limits) -> str:
        threshold = limits.classes[self.label].threshold
        return f"perhaps {self.label}: score {self.candidate.score:.2f} is too close to its threshold {threshold:.2f}"


def _sights(candidates: Sequence[Candidate], limits: Limits) -> list[list[_Sight]]:
    """For each place, what each class says there, the surest first."""
    # Weaker ones count for nothing, and cannot stand before one that does: they only cost time.
    floor = min((each.inconclusive_from for each in limits.classes.values()), default=0.0)
    found = []
    for place in places((c for c in candidates if c.score >= floor), limits.nms_iou):
        surest = {c.label: c for c in reversed(place)}.values()
        found.append([sight for c in place if any(c is best for best in surest) and (sight := _sight(c, limits))])
    return found


def _sight(candidate: Candidate, limits: Limits) -> _Sight | None:
    of = limits.classes[candidate.label]
    if candidate.score < of.inconclusive_from:
        return None
    zone = limits.critical_zone(candidate)
    if not zone and limits.ignores(candidate):
        return None
    small = not zone and limits.tolerates_size(candidate)
    return _Sight(candidate, candidate.score >= of.threshold, small, zone)


def _too_many(sights: Sequence[Sequence[_Sight]], limits: Limits, *, sure: bool) -> set[str]:
    """The classes with more places than are allowed: those with a defect, or (not `sure`) with a doubt as well."""
    found = Counter(s.label for place in sights for s in place if not s.small and (s.sure or not sure))
    return {label for label, number in found.items() if number > limits.classes[label].allowed}


def _best_scores(candidates: Iterable[Candidate], limits: Limits) -> dict[str, float]:
    best: dict[str, float] = {}
    for c in sorted(candidates, key=lambda c: -c.score):
        if c.label not in best and (limits.critical_zone(c) or not (limits.tolerates_size(c) or limits.ignores(c))):
            best[c.label] = c.score
    return dict.fromkeys(limits.classes, 0.0) | best


def _strange(candidates: Iterable[Candidate], limits: Limits) -> list[str]:
    """What the recipe says nothing about."""
    if not limits.classes:
        return ["the recipe knows no class"]
    unknown = {c.label for c in candidates if c.label not in limits.classes}
    broken = {c.label for c in candidates if not c.sound}
    return [f"perhaps {label}: the recipe does not know this class" for label in sorted(unknown)] + [
        f"what the model says about {label} is no number" for label in sorted(broken)
    ]
