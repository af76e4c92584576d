"""A line's fold as plain data and back: what the checkpoint stores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from services.postprocessing.domain.count import Count
from services.postprocessing.domain.order import Order
from services.postprocessing.domain.part import Found, Part, Ref
from services.postprocessing.domain.rules.state import Episode, LineState, Mark, Phase, Suspects, Track, Tracks

FORMAT = 6
"""Of the data below; another one is not read, and the line is folded anew from the stream."""

_PLAIN = ("newest_s", "missed", "past", "before_parts", "owed", "again", "ignored")


@dataclass(frozen=True)
class LineFold:
    """A line, the rules in force there ("": none were told), and the stream sequence up to which all is folded."""

    position: int = 0
    state: LineState = field(default_factory=LineState)
    rules: str = ""


def fold_to_data(fold: LineFold) -> dict[str, Any]:
    """A JSON-ready dict."""
    return {"position": fold.position, "rules": fold.rules, "state": line_to_data(fold.state)}


def fold_from_data(data: Mapping[str, Any]) -> LineFold:
    """The inverse of `fold_to_data`. Raises KeyError, TypeError or ValueError on data of another shape."""
    return LineFold(int(data["position"]), line_from_data(data["state"]), str(data["rules"]))


def line_to_data(line: LineState) -> dict[str, Any]:
    """A JSON-ready dict."""
    return {
        "orders": {channel: _order_to_data(order) for channel, order in line.orders.items()},
        "tracks": {rule_id: _tracks_to_data(tracks) for rule_id, tracks in line.tracks.items()},
        "episodes": [[*key, _episode_to_data(episode)] for key, episode in line.episodes.items()],
        "stops_s": line.stops_s,
        "resumed_at_s": line.resumed_at_s,
        "suspects": line.suspects and _suspects_to_data(line.suspects),
        "resumes": line.resumes,
        "late": line.late,
    }


def line_from_data(data: Mapping[str, Any]) -> LineState:
    """The inverse of `line_to_data`. Raises KeyError, TypeError or ValueError on data of another shape."""
    return LineState(
        orders={channel: _order(order) for channel, order in data["orders"].items()},
        tracks={rule_id: _tracks(tracks) for rule_id, tracks in data["tracks"].items()},
        episodes={(rule, tuple(group), label): _episode(e) for rule, group, label, e in data["episodes"]},
        stops_s=tuple(data["stops_s"]),
        resumed_at_s=data["resumed_at_s"],
        suspects=_suspects(data["suspects"]) if data["suspects"] else None,
        resumes=int(data["resumes"]),
        late=dict(data["late"]),
    )


def _order_to_data(order: Order) -> dict[str, Any]:
    return {
        **{name: getattr(order, name) for name in _PLAIN},
        "counts": [count and _count_to_data(count) for count in (order.lot, order.before)],
        "seen": order.seen.hex(),
    }


def _count_to_data(count: Count) -> list[Any]:
    return [count.lot, count.frontier, count.resumed, [asdict(part) for part in count.pending]]


def _order(data: Mapping[str, Any]) -> Order:
    lot, before = (
        found and Count(found[0], found[1], tuple(map(_part, found[3])), found[2]) for found in data["counts"]
    )
    typed = {
        "past": tuple((name, last) for name, last in data["past"]),
        "again": tuple(data["again"]),
        "seen": bytes.fromhex(data["seen"]),
    }
    return Order(lot, before, **{name: data[name] for name in _PLAIN} | typed)


def _part(data: Mapping[str, Any]) -> Part:
    found = data["defects"]
    defects = None if found is None else {label: Found(*values) for label, values in found.items()}
    return Part(**{**data, "defects": defects})


def _tracks_to_data(tracks: Tracks) -> dict[str, Any]:
    groups = [[group, track.basis, track.marks] for group, track in tracks.groups.items()]
    return {"digest": tracks.digest, "evicted": tracks.evicted, "groups": groups}


def _tracks(data: Mapping[str, Any]) -> Tracks:
    groups = {
        tuple(group): Track(tuple(basis), {label: _mark(mark) for label, mark in marks.items()})
        for group, basis, marks in data["groups"]
    }
    return Tracks(data["digest"], groups, data["evicted"])


def _mark(data: Any) -> Mark:
    state, muted, since, evidence = data
    return Mark(tuple(state), muted, Ref(*since) if since else None, tuple(Ref(*ref) for ref in evidence))


def _episode_to_data(episode: Episode) -> dict[str, Any]:
    return {**asdict(episode), "phase": episode.phase.value, "first": tuple(episode.first)}


def _episode(data: Mapping[str, Any]) -> Episode:
    typed = {"phase": Phase(data["phase"]), "first": Ref(*data["first"]), "awaits": tuple(data["awaits"])}
    return Episode(**{**data, **typed})


def _suspects_to_data(suspects: Suspects) -> dict[str, Any]:
    return {
        "episode": _episode_to_data(suspects.episode),
        "first": tuple(suspects.first),
        "last": tuple(suspects.last),
        "held_at_s": suspects.held_at_s,
        "revision": suspects.revision,
        "told": suspects.told and tuple(suspects.told),
        "runs_again": suspects.runs_again,
    }


def _suspects(data: Mapping[str, Any]) -> Suspects:
    return Suspects(
        episode=_episode(data["episode"]),
        first=Ref(*data["first"]),
        last=Ref(*data["last"]),
        held_at_s=data["held_at_s"],
        revision=data["revision"],
        told=Ref(*data["told"]) if data["told"] else None,
        runs_again=bool(data["runs_again"]),
    )
