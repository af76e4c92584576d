"""What the faults of an ordeal have cost so far: who was away, for how long, and who had to be helped."""

import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tools.chaos.ledgers import Span
from tools.chaos.oracle import by_part
from tools.chaos.plant_floor import PLC
from tools.chaos.plant_plan import LINE_STREAM, STATION_STREAM, Fault

NEEDED_TO_STOP = frozenset({"nats", "redis", "postprocessing", "opcua-bridge", PLC, LINE_STREAM, STATION_STREAM})
"""Without one of these no line can be stopped, and nobody promises that it is. (A stand-by counts as its twin.)"""


@dataclass
class Toll:
    """The ledger of the faults."""

    struck: list[Fault] = field(default_factory=list)
    recovered: list[Span] = field(default_factory=list)
    """From the end of each fault to the part's next answer."""
    flowed: list[Span] = field(default_factory=list)
    """From the end of each fault to the next verdict at every station."""
    helped: Counter[str] = field(default_factory=Counter)
    unstruck: Counter[str] = field(default_factory=Counter)
    """Faults that could not be struck, and why: of these the ordeal proves nothing."""
    _away: list[Span] = field(default_factory=list)
    _out: dict[int, tuple[str, float]] = field(default_factory=dict)

    def out(self, ticket: int, part: str) -> None:
        """A fault begins."""
        self._out[ticket] = part, time.time()

    def back(self, ticket: int) -> None:
        """Its part answers again."""
        part, began_at = self._out.pop(ticket)
        self._away.append(Span(began_at, time.time(), part))

    def away(self) -> list[Span]:
        """When no line could have been stopped, up to now."""
        now = time.time()
        spans = [*self._away, *(Span(began_at, now, part) for part, began_at in self._out.values())]
        return [span for span in spans if span.of.removesuffix("-2") in NEEDED_TO_STOP]

    def figures(self) -> dict[str, Any]:
        """For the JSON and the tables."""
        times = {part: [round(each, 1) for each in spans] for part, spans in by_part(self.recovered)}
        flows = [span.ended_at - span.began_at for span in self.flowed]
        return {
            "faults": len(self.struck),
            "by_kind": dict(Counter(fault.kind.value for fault in self.struck).most_common()),
            "needed_a_hand": sum(self.helped.values()),
            "helped": dict(self.helped),
            "unstruck": dict(self.unstruck),
            "recovered_s": {part: spans[-1] for part, spans in times.items()},
            "recovered_median_s": {part: statistics.median(spans) for part, spans in times.items()},
            "verdicts_again_s": {
                "median": round(statistics.median(flows), 1) if flows else 0.0,
                "worst": round(max(flows, default=0.0), 1),
            },
        }
