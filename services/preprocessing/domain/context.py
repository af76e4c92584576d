"""What the stations work on, as the MES or an engineer said it, and from when on."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

_REMEMBERED = 64  # changes of one line: a frame that a camera had to keep belongs to what held when it was taken


@dataclass(frozen=True)
class Setup:
    """What a part is made of and how it is looked at; empty: nobody said."""

    lot: str = ""
    material: str = ""
    supplier: str = ""
    recipe: str = ""
    tool: str = ""
    job_order: str = ""

    def after(self, change: "Setup") -> "Setup":
        """With what the change says; what it leaves empty stays."""
        return Setup(*(getattr(change, each.name) or getattr(self, each.name) for each in fields(self)))

    def context(self) -> Mapping[str, str]:
        """What stands on the verdict. The lot of a part is its number's own: this one is the material's."""
        said = {
            "material": self.material,
            "material_lot": self.lot,
            "supplier": self.supplier,
            "tool": self.tool,
            "job_order": self.job_order,
        }
        return {key: value for key, value in said.items() if value}


@dataclass(frozen=True)
class Change:
    """Holds for parts that are captured from `at_s` (Unix seconds) on; without a station: at the whole line."""

    at_s: float
    station: str
    setup: Setup


@dataclass
class ContextBook:
    """The changes of all lines (site/line), the oldest of which are folded together per station."""

    _changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))

    def take(self, line: str, change: Change) -> None:
        """Remember a change; they may come out of order."""
        changes = self._changes[line]
        changes.append(change)
        changes.sort(key=lambda each: each.at_s)
        if len(changes) > _REMEMBERED:
            self._changes[line] = _folded(changes[: _REMEMBERED // 2]) + changes[_REMEMBERED // 2 :]

    def at(self, line: str, station: str, captured_at_s: float) -> Setup:
        """What held when the part was captured; a frame without a time is of now."""
        until_s = captured_at_s or math.inf
        return _setup_of(station, (change for change in self._changes.get(line, ()) if change.at_s <= until_s))


def _folded(changes: list[Change]) -> list[Change]:
    """One change for each station and one for the line, which say the same together for every later part."""
    # The line's first: a station's own fold has the line's changes in it, in their places.
    stations = ["", *sorted({change.station for change in changes} - {""})]
    return [Change(changes[-1].at_s, station, _setup_of(station, changes)) for station in stations]


def _setup_of(station: str, changes: Iterable[Change]) -> Setup:
    setup = Setup()
    for change in changes:
        if change.station in ("", station):
            setup = setup.after(change.setup)
    return setup
