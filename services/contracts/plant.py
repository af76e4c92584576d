"""The plant file: sites, lines, stations, recipes and rules, read by every service from the same YAML.

A mistake in it stops a service at start; `jidoka check` names file, place and fix before that.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from services.contracts.evidence import Evidence
from services.contracts.mes import Mes
from services.contracts.mistake import Mistake, lines_of, nearest
from services.contracts.mqtt import Mqtt
from services.contracts.plc import Plc
from services.contracts.recipe import Recipe
from services.contracts.rule_base import ANY, OnDefects, OnReadings
from services.contracts.rule_set import RuleSet
from services.contracts.sensor import Sensor
from services.contracts.strict import Name, Strict


class PlantError(ValueError):
    """The plant file cannot be used; the message names the file, the line, the field, what is wrong and the fix."""


class Station(Strict):
    name: Name
    camera_client: str
    """The OAuth2 client that may submit frames for this station."""
    recipes: tuple[Name, ...] = Field(min_length=1)
    """What it may inspect; the first is the default."""
    sensors: tuple[Sensor, ...] = ()
    """What is measured there besides pictures."""


class Line(Strict):
    name: Name
    equipment_id: str
    """ISA-95 path for the MES: enterprise/site/area/line."""
    plc: Plc
    stations: tuple[Station, ...] = Field(min_length=1)


class Site(Strict):
    name: Name
    lines: tuple[Line, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Place:
    """A station with its line and site: where something happens."""

    site: str
    line: str
    station: str

    def __str__(self) -> str:
        return f"{self.site}/{self.line}/{self.station}"


class Plant(Strict):
    name: Name
    sites: tuple[Site, ...] = Field(min_length=1)
    recipes: tuple[Recipe, ...] = Field(min_length=1)
    rule_set: RuleSet
    mes: Mes
    mqtt: Mqtt | None = None
    evidence: Evidence = Evidence()

    def stations(self) -> Iterator[tuple[Place, Line, Station]]:
        """Every station with where it stands."""
        for site in self.sites:
            for line in site.lines:
                for station in line.stations:
                    yield Place(site.name, line.name, station.name), line, station

    def recipe(self, name: str) -> Recipe | None:
        """The recipe of that name."""
        return next((recipe for recipe in self.recipes if recipe.name == name), None)

    def labels(self) -> tuple[str, ...]:
        """Every defect class that a recipe knows, sorted."""
        return tuple(sorted({label for recipe in self.recipes for label in recipe.tolerances()}))

    def measurements(self) -> list[str]:
        """Everything that a sensor records, sorted: force.rms."""
        channels = (c for _, _, station in self.stations() for sensor in station.sensors for c in sensor.channels)
        return sorted({name for channel in channels for name in channel.names})

    @model_validator(mode="after")
    def _names(self) -> "Plant":
        _unique("sites", [site.name for site in self.sites])
        _unique("recipes", [recipe.name for recipe in self.recipes])
        for s, site in enumerate(self.sites):
            _unique(f"sites.{s}.lines", [line.name for line in site.lines])
            for n, line in enumerate(site.lines):
                _unique(f"sites.{s}.lines.{n}.stations", [station.name for station in line.stations])
        return self

    @model_validator(mode="after")
    def _pause_groups(self) -> "Plant":
        lines = {f"sites.{s}.lines.{n}": line for s, site in enumerate(self.sites) for n, line in enumerate(site.lines)}
        groups = Counter(line.plc.pause_group for line in lines.values())
        for field, line in lines.items():
            if line.plc.pause_group is not None and groups[line.plc.pause_group] == 1:
                fix = "give another line the same group, or leave it out"
                raise Mistake(f"{field}.plc.pause_group", f"{line.plc.pause_group!r} has no other line", fix)
        return self

    @model_validator(mode="after")
    def _references(self) -> "Plant":
        recipes = [recipe.name for recipe in self.recipes]
        for s, site in enumerate(self.sites):
            for n, line in enumerate(site.lines):
                for t, station in enumerate(line.stations):
                    _own_clients(f"sites.{s}.lines.{n}.stations.{t}", station)
                    for r, name in enumerate(station.recipes):
                        if name not in recipes:
                            field = f"sites.{s}.lines.{n}.stations.{t}.recipes.{r}"
                            raise Mistake(
                                field, f"names the recipe {name!r}, which is not there", nearest(name, recipes)
                            )
        for at, rule in enumerate(self.rule_set.rules):
            for field, label in _classes_of(rule):
                if label not in (ANY, *self.labels()):
                    fix = nearest(label, [ANY, *self.labels()])
                    raise Mistake(f"rule_set.rules.{at}.of.{field}", f"no recipe knows the class {label!r}", fix)
            watched = rule.of.measurement if isinstance(rule, OnReadings) else None
            if watched is not None and watched not in self.measurements():
                fix = nearest(watched, self.measurements()) if self.measurements() else "add a sensor to a station"
                raise Mistake(f"rule_set.rules.{at}.of.measurement", f"no sensor records {watched!r}", fix)
        return self


def _unique(field: str, names: list[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise Mistake(f"{field}.{at}.name", f"{name!r} is there twice", "rename one")


def _own_clients(field: str, station: Station) -> None:
    clients = [station.camera_client, *(sensor.client for sensor in station.sensors)]
    for at, client in enumerate(clients[1:]):
        if client in clients[: at + 1]:
            raise Mistake(f"{field}.sensors.{at}.client", f"{client!r} sends already", "a client for each sender")


def _classes_of(rule: object) -> list[tuple[str, str]]:
    if isinstance(rule, OnDefects):
        return [("defect", rule.of.defect)]
    if isinstance(rule, OnReadings):
        named = (("score", rule.of.score), ("area_px2", rule.of.area_px2))
        return [(field, label) for field, label in named if label is not None]
    return []


def load(path: Path) -> Plant:
    """Read and check a plant file. Raises PlantError."""
    try:
        text = path.read_text(encoding="utf-8")
        return Plant.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise PlantError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PlantError(f"{path}: not UTF-8: {error.reason} at byte {error.start}; fix: save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        what = getattr(error, "problem", None) or str(error)
        raise PlantError(f"{path}:{line}: not YAML: {what}; fix: mend the line or the one before it") from error
    except ValidationError as error:
        found = (f"{path}:{line}: {field}: {what}; fix: {fix}" for line, field, what, fix in lines_of(text, error))
        raise PlantError("\n".join(found)) from error


def schema() -> dict[str, Any]:
    """The JSON schema of a plant file (draft 2020-12), for editors; `load` checks what a schema cannot say as well."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plant.model_json_schema()}
