"""The table of who says what to whom is true: every listener listens, nobody listens who is not in it (F3).

Each place in `services/` that makes a Route is run here, and a place that this test does not know fails it.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.streams import Route
from services.contracts import plant as plants
from services.contracts import subjects as table
from services.contracts.subjects import LINE, SERVICES, STATION, SUBJECTS, Subject
from services.gateway.adapters.events import ViewReader
from services.gateway.domain import Bounded, View
from services.mes_connector.adapters.bus import routes as routes_of_the_connector
from services.mqtt_mirror.adapters.facts import Facts
from services.opcua_bridge import app as bridge
from services.opcua_bridge.adapters.episodes import StreamedEpisodes
from services.opcua_bridge.adapters.job_memory import OrderLists
from services.opcua_bridge.adapters.verdicts import LiveVerdicts
from services.opcua_bridge.domain.line import LineName
from services.postprocessing.adapters.events import routes as routes_of_the_rules
from services.preprocessing.adapters.contexts import ContextReader

ROOT = Path(__file__).resolve().parents[2] / "services"
PLANT = plants.load(Path("deploy/plants/demo.yaml"))
Heard = dict[str, set[Subject]]
Place = tuple[str, int]
BY_NAME = {name: found for name, found in vars(table).items() if isinstance(found, Subject)}


class Ear:
    """Notes for each Route that is made: which service made it, for which subject, at which place in its code."""

    def __init__(self) -> None:
        self.heard: Heard = {service: set() for service in SERVICES}
        self.places: set[Place] = set()

    def note(self, subject: str, frame: Any) -> None:
        path = Path(frame.f_code.co_filename).relative_to(ROOT)
        noun, verb = subject.split(".")[2:4]
        found = next(each for each in SUBJECTS if (each.noun, each.verb) == (noun, verb))
        self.heard[path.parts[0].replace("_", "-")].add(found)
        self.places.add((str(path), frame.f_lineno))


@pytest.fixture(scope="module")
def ear() -> Ear:
    ear = Ear()
    made = Route.__init__

    def noted(self: Route, subject: str, *rest: Any) -> None:
        ear.note(subject, sys._getframe(1))
        made(self, subject, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Route, "__init__", noted)
        _all_readers()
    return ear


def _all_readers() -> None:
    """What `build` and the duties of each service make to read streams with, before any broker is asked."""
    bus, nothing = SimpleNamespace(user="nobody"), SimpleNamespace()
    ContextReader(bus, nothing)
    routes_of_the_rules(SimpleNamespace(line="lyon/smt1"))
    routes_of_the_connector(nothing, "mes")
    for stream in (STATION, LINE):
        Facts(nothing, nothing).routes(stream)
    lines = {LineName(site.name, line.name): line for site in PLANT.sites for line in site.lines}
    StreamedEpisodes(bus)
    LiveVerdicts(bus, (), nothing)
    OrderLists(bus, lines, nothing)
    link = SimpleNamespace(claim_anew=nothing)
    bridge._consumer(bus, next(iter(lines)), lines, SimpleNamespace(on_pause_requested=nothing), link)
    ViewReader(bus, View(Bounded(1), Bounded(1), Bounded(1)), 1)


def _trees(service: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in (ROOT / service.replace("-", "_")).rglob("*.py"):
        yield path, ast.parse(path.read_text())


def _calls(service: str, name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in _trees(service):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path, node


def looked_up(service: str) -> set[Subject]:
    """Subjects whose last fact a service asks the broker for, instead of following them."""
    names = [arg.id for _, call in _calls(service, "last_said") for arg in call.args if isinstance(arg, ast.Name)]
    return {BY_NAME[name] for name in names if name in BY_NAME}


def imported(service: str) -> set[Subject]:
    # The others (migrations, Triton's backend) are made to be run by somebody else's program, and name no fact.
    paths = [p for p, _ in _trees(service) if "services.contracts.subjects" in p.read_text()]
    modules = [f"services.{p.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}" for p in paths]
    found = {id(value) for name in modules for value in vars(importlib.import_module(name)).values()}
    return {subject for subject in SUBJECTS if id(subject) in found}


def test_no_route_of_any_service_is_unknown_to_this_test(ear: Ear):
    written = {(str(path.relative_to(ROOT)), call.lineno) for s in SERVICES for path, call in _calls(s, "Route")}

    assert ear.places == written


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_exactly_what_the_table_says(service: str, ear: Ear):
    listed = {subject for subject in SUBJECTS if service in subject.listeners}

    assert {s.everywhere for s in ear.heard[service] | looked_up(service)} == {s.everywhere for s in listed}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_names_the_facts_that_it_says_or_hears_and_no_others(service: str):
    listed = {subject for subject in SUBJECTS if service in (subject.publisher, *subject.listeners)}

    assert {s.everywhere for s in imported(service)} == {s.everywhere for s in listed}


def test_every_fact_is_heard_by_somebody():
    assert [subject.everywhere for subject in SUBJECTS if not subject.listeners] == []
