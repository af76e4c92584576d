"""The plant file: sites, lines, stations, recipes and rules, read by every service from the same YAML.

A mistake in it stops a service at start; `jidoka check` names file, place and fix before that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

from services.contracts.recipe import Recipe
from services.contracts.rule_set import RuleSet
from services.contracts.strict import Name, Strict


class PlantError(ValueError):
    """The plant file cannot be used; the message names the file, the place in it and what is wrong there."""


class Plc(Strict):
    """How the bridge reaches a line's PLC (the `VisIf` handshake block)."""

    url: str
    """opc.tcp://host:port/path"""
    namespace: str
    """Namespace URI of the `VisIf` block."""
    ack_timeout_s: float = Field(default=1.0, gt=0)
    state_timeout_s: float = Field(default=10.0, gt=0)
    """How long the machine may take from Holding to Held."""


class Station(Strict):
    name: Name
    camera_client: str
    """The OAuth2 client that may submit frames for this station."""
    recipes: tuple[Name, ...] = Field(min_length=1)
    """What it may inspect; the first is the default."""


class Line(Strict):
    name: Name
    equipment_id: str
    """ISA-95 path for the MES: enterprise/site/area/line."""
    plc: Plc
    stations: tuple[Station, ...] = Field(min_length=1)


class Site(Strict):
    name: Name
    lines: tuple[Line, ...] = Field(min_length=1)


class Mes(Strict):
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


class Plant(Strict):
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
