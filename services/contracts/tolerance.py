"""What a recipe tolerates beyond a bare threshold: per class, per place on the part, and over time."""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from services.contracts.mistake import Mistake
from services.contracts.strict import Name, Share, Strict

Point = tuple[float, float]
_SIDES = Field(default=None, description="x1, y1, x2, y2: a rectangle, in pixels of the golden template.")


class Tolerance(Strict):
    """What is tolerated of one defect class. Sizes are the defect's own: what `extent.margin_px` adds is taken off."""

    threshold: Share
    """A candidate with this score or a higher one is a defect."""
    inconclusive_from: Share | None = None
    """From this score on the part is INCONCLUSIVE; none: the threshold less the recipe's `inconclusive_band`."""
    min_side_px: float = Field(default=0.0, ge=0, le=8192)
    """A defect whose longer side is shorter is tolerated: a scratch counts by its length."""
    min_area_px2: float = Field(default=0.0, ge=0)
    """A defect with less area is tolerated; with `min_side_px` as well, only one that is too small in both."""
    allowed: int = Field(default=0, ge=0, le=1000)
    """So many defects of the class on one part are tolerated."""
    severity: Literal["minor", "major", "critical"] = "major"
    """What a defect of the class means to the product; it stands on the verdict."""

    @model_validator(mode="after")
    def _doubt_below_certainty(self) -> "Tolerance":
        if self.inconclusive_from is not None and self.inconclusive_from > self.threshold:
            fix = f"{self.threshold:g} or less"
            raise Mistake("inconclusive_from", f"is above the threshold {self.threshold:g}", fix)
        return self


class Zone(Strict):
    """A place on the part, in pixels of its golden template: a rectangle or a polygon."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["rectangle"]}, {"required": ["polygon"]}]})

    name: Name
    kind: Literal["ignore", "critical"]
    """`ignore`: what lies wholly within does not count. `critical`: a defect that as much as touches it fails the part,
    however small, with the highest severity. Where both are, the place is critical."""
    rectangle: tuple[float, float, float, float] | None = _SIDES
    polygon: Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)] | None = None
    """Its corners, in order."""
    classes: tuple[str, ...] = ()
    """For these classes alone; empty: for all."""

    @property
    def corners(self) -> tuple[Point, ...]:
        """The zone as a polygon."""
        if self.polygon is not None:
            return self.polygon
        x1, y1, x2, y2 = self.rectangle or (0.0, 0.0, 0.0, 0.0)
        return (x1, y1), (x2, y1), (x2, y2), (x1, y2)

    @model_validator(mode="after")
    def _has_a_shape(self) -> "Zone":
        if (self.rectangle is None) == (self.polygon is None):
            raise Mistake("", "has not exactly one of rectangle and polygon", "give one of them")
        if self.rectangle is not None and not (
            self.rectangle[0] < self.rectangle[2] and self.rectangle[1] < self.rectangle[3]
        ):
            raise Mistake("rectangle", "is empty", "x1, y1, x2, y2 with x1 < x2 and y1 < y2")
        if _area(self.corners) == 0:
            raise Mistake("polygon", "encloses nothing", "three corners or more that do not lie in one line")
        if _crosses_itself(self.corners):
            raise Mistake("polygon", "crosses itself", "give its corners in order, or make two zones of it")
        return self


def _edges(corners: tuple[Point, ...]) -> list[tuple[Point, Point]]:
    return list(zip(corners, (*corners[1:], corners[0]), strict=True))


def _area(corners: tuple[Point, ...]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in _edges(corners)) / 2


def _crosses_itself(corners: tuple[Point, ...]) -> bool:
    def apart(a: Point, b: Point, c: Point, d: Point) -> bool:
        """Whether c and d lie on the two sides of the line through a and b."""
        return _area((a, b, c)) * _area((a, b, d)) < 0

    return any(apart(*one, *other) and apart(*other, *one) for one, other in combinations(_edges(corners), 2))


class Adaptive(Strict):
    """Lets thresholds follow what good parts look like. Read services/postprocessing/domain/adaptive.py first."""

    parts: int = Field(default=500, ge=20, le=10_000)
    """The window: so many PASSed parts of a station."""
    min_parts: int = Field(default=200, ge=20, le=10_000)
    """With fewer the recipe's threshold holds."""
    quantile: Share = Field(default=0.99, gt=0.5)
    """This share of the window's best scores lies below the threshold, `margin` besides."""
    margin: Share = 0.1
    max_raise: Share = 0.1
    """The threshold never rises further above the recipe's."""
    floor: Share
    """It never falls below this."""
    calm_parts: int = Field(default=20, ge=1, le=10_000)
    """After a part that did not PASS, nothing is learnt until so many in a row did."""

    @model_validator(mode="after")
    def _can_fill(self) -> "Adaptive":
        if self.min_parts > self.parts:
            raise Mistake("min_parts", f"is more than the window of {self.parts}", f"{self.parts} or less")
        return self
