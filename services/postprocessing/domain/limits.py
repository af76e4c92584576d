"""What a recipe tolerates, as the judge reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from services.postprocessing.domain.candidate import Box, Candidate
from services.postprocessing.domain.zone import Zone


class Severity(IntEnum):
    MINOR = 1
    MAJOR = 2
    CRITICAL = 3


@dataclass(frozen=True)
class ClassLimits:
    """Of one class. A score at or above `threshold` is a defect, one from `inconclusive_from` on a doubt.

    A defect is tolerated when it is smaller than every size that is set (more than 0), or when the part has not more
    than `allowed` of its class.
    """

    threshold: float
    inconclusive_from: float
    min_side_px: float = 0.0
    min_area_px2: float = 0.0
    allowed: int = 0
    severity: Severity = Severity.MAJOR


@dataclass(frozen=True)
class Limits:
    """Of one recipe. A box leaves `margin_px` around its defect; the part lies `offset_px` (x, y) off its template."""

    classes: Mapping[str, ClassLimits]
    nms_iou: float
    zones: tuple[Zone, ...] = ()
    margin_px: float = 0.0
    offset_px: tuple[int, int] = (0, 0)

    @classmethod
    def same(cls, labels: Iterable[str], threshold: float, nms_iou: float, inconclusive_from: float = 1.0) -> "Limits":
        """The same bare threshold for all classes; no doubts unless `inconclusive_from` lies below it."""
        return cls(dict.fromkeys(labels, ClassLimits(threshold, min(threshold, inconclusive_from))), nms_iou)

    def tolerates_size(self, candidate: Candidate) -> bool:
        """Whether the defect is too small to matter."""
        limits = self.classes[candidate.label]
        x1, y1, x2, y2 = candidate.box
        width, height = (max(0.0, side + 1 - 2 * self.margin_px) for side in (x2 - x1, y2 - y1))
        sizes = ((max(width, height), limits.min_side_px), (width * height, limits.min_area_px2))
        asked = [size < least for size, least in sizes if least > 0]
        return bool(asked) and all(asked)

    def critical_zone(self, candidate: Candidate) -> str:
        """The name of the critical zone that the box touches; empty for none."""
        at = self._on_template(candidate.box)
        zones = (zone for zone in self.zones if zone.critical and zone.concerns(candidate.label))
        return next((zone.name for zone in zones if zone.touches(at)), "")

    def ignores(self, candidate: Candidate) -> bool:
        """Whether the box lies where nothing counts; the critical zone wins."""
        at = self._on_template(candidate.box)
        zones = [zone for zone in self.zones if not zone.critical and zone.concerns(candidate.label)]
        return any(zone.holds(at) for zone in zones) and not self.critical_zone(candidate)

    def _on_template(self, box: Box) -> Box:
        dx, dy = self.offset_px
        return box[0] - dx, box[1] - dy, box[2] - dx, box[3] - dy
