"""The plant file: sites, lines, stations, recipes and rules, read by every service from the same YAML.

A mistake in it stops a service at start; `jidoka check` names file, place and fix before that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class PlantError(ValueError):
    """The plant file cannot be used; the message names the file, the place in it and what is wrong there."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Plc(_Strict):
    """How the bridge reaches a line's PLC (the `VisIf` handshake block)."""

    url: str
    """opc.tcp://host:port/path"""
    namespace: str
    """Namespace URI of the `VisIf` block."""
    ack_timeout_s: float = Field(default=1.0, gt=0)
    state_timeout_s: float = Field(default=10.0, gt=0)
    """How long the machine may take from Holding to Held."""


class Station(_Strict):
    name: Name
    camera_client: str
    """The OAuth2 client that may submit frames for this station."""
    recipes: tuple[Name, ...] = Field(min_length=1)
    """What it may inspect; the first is the default."""


class Line(_Strict):
    name: Name
    equipment_id: str
    """ISA-95 path for the MES: enterprise/site/area/line."""
    plc: Plc
    stations: tuple[Station, ...] = Field(min_length=1)


class Site(_Strict):
    name: Name
    lines: tuple[Line, ...] = Field(min_length=1)


class Quality(_Strict):
    """Limits outside which a picture proves nothing (INCONCLUSIVE, never PASS)."""

    min_sharpness_share: Share = 0.3
    """Of the golden template's sharpness (variance of the Laplacian)."""
    max_mean_shift: float = Field(default=40.0, ge=0, le=255)
    """Mean grey level against the golden template's, either way."""
    max_mismatch: Share = 0.12
    """Share of pixels that differ from the registered golden template; more means: wrong part or bad picture."""


class Recipe(_Strict):
    name: Name
    version: int = Field(ge=1)
    model: str
    """A folder of model_repository/."""
    width_px: int = Field(default=640, ge=16, le=8192)
    height_px: int = Field(default=640, ge=16, le=8192)
    max_shift_px: int = Field(default=8, ge=0, le=64)
    """How far registration may move the golden template."""
    thresholds: dict[str, Share] = Field(min_length=1)
    """Per defect label: a candidate at or above it is a defect."""
    inconclusive_band: Share = 0.0
    """A best candidate this close below its threshold makes the part INCONCLUSIVE."""
    nms_iou: Share = 0.5
    quality: Quality = Quality()


class ConsecutiveRule(_Strict):
    """`k` parts in a row with the same defect label (k = 5 gives a false stop in 3.4 M parts at 5 %)."""

    id: Name
    kind: Literal["consecutive"]
    k: int = Field(ge=2, le=100)
    actions: tuple[Literal["pause_line", "maintenance_request"], ...] = Field(min_length=1)
    pause_ttl_s: float = Field(default=5.0, gt=0, le=60)
    """After this time nobody may execute the pause request."""


class RuleSet(_Strict):
    version: int = Field(ge=1)
    rules: tuple[ConsecutiveRule, ...] = ()
    reorder_parts: int = Field(default=16, ge=0, le=1024)
    """So many later parts may wait for a missing one …"""
    reorder_s: float = Field(default=2.0, ge=0)
    """… and so long; then it counts as missed."""


class Mes(_Strict):
    name: Name
    url: str
    """The webhook that takes work requests."""


@dataclass(frozen=True)
class Place:
    """A station with its line and site: where something happens."""

    site: str
    line: str
    station: str

    def __str__(self) -> str:
        return f"{self.site}/{self.line}/{self.station}"


class Plant(_Strict):
    name: Name
    sites: tuple[Site, ...] = Field(min_length=1)
    recipes: tuple[Recipe, ...] = Field(min_length=1)
    rule_set: RuleSet
    mes: Mes

    def stations(self) -> Iterator[tuple[Place, Line, Station]]:
        """Every station with where it stands."""
        for site in self.sites:
            for line in site.lines:
                for station in line.stations:
                    yield Place(site.name, line.name, station.name), line, station

    def recipe(self, name: str) -> Recipe | None:
        """The recipe of that name."""
        return next((recipe for recipe in self.recipes if recipe.name == name), None)

    @model_validator(mode="after")
    def _references(self) -> "Plant":
        for kind, names in (
            ("site", [site.name for site in self.sites]),
            ("recipe", [recipe.name for recipe in self.recipes]),
            ("rule", [rule.id for rule in self.rule_set.rules]),
            ("station", [str(place) for place, _, _ in self.stations()]),
        ):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"{kind} {min(twice)!r} is there twice: rename one")
        for place, _, station in self.stations():
            for name in station.recipes:
                if self.recipe(name) is None:
                    known = ", ".join(recipe.name for recipe in self.recipes)
                    raise ValueError(f"station {place} names the recipe {name!r}, which is not there (known: {known})")
        return self


def load(path: Path) -> Plant:
    """Read and check a plant file. Raises PlantError."""
    try:
        return Plant.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlantError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise PlantError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        places = (f"{'.'.join(map(str, e['loc'])) or 'plant'}: {e['msg']}" for e in error.errors())
        raise PlantError("\n".join(f"{path}: {place}" for place in places)) from error
