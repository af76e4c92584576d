"""The fold's state as plain data and back: what the checkpoint stores."""

from dataclasses import asdict, dataclass, field
from typing import Any

from services.postprocessing.domain.order import Order, Part
from services.postprocessing.domain.rules import Episode, Phase, Run, StationState


@dataclass
class RuleState:
    """All stations and the stream sequence up to which they are folded: one value, so it is never half written."""

    position: int = 0
    stations: dict[str, StationState] = field(default_factory=dict)


def to_data(state: RuleState) -> dict[str, Any]:
    """A JSON-ready dict."""
    stations = {place: asdict(station) for place, station in state.stations.items()}
    for station in stations.values():
        for episode in station["episodes"].values():
            episode["phase"] = episode["phase"].value
    return {"position": state.position, "stations": stations}


def from_data(data: dict[str, Any]) -> RuleState:
    """The inverse of `to_data`. Raises KeyError, TypeError or ValueError on data of another shape."""
    stations = {place: _station(station) for place, station in data["stations"].items()}
    return RuleState(int(data["position"]), stations)


def _station(data: dict[str, Any]) -> StationState:
    pending = tuple(_part(part) for part in data["order"]["pending"])
    return StationState(
        order=Order(**{**data["order"], "pending": pending}),
        runs={k: Run(**{**run, "inspections": tuple(run["inspections"])}) for k, run in data["runs"].items()},
        episodes={k: Episode(**{**e, "phase": Phase(e["phase"])}) for k, e in data["episodes"].items()},
    )


def _part(data: dict[str, Any]) -> Part:
    return Part(**{**data, "labels": None if data["labels"] is None else tuple(data["labels"])})
