"""A made-up stream of judged parts, the same for the same seed: for tests, figures and dry runs of the rules."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence

from services.postprocessing.domain.part import Found, Part
from services.postprocessing.domain.rules.folding import on_part
from services.postprocessing.domain.rules.rule import RuleBook
from services.postprocessing.domain.rules.state import LineState

LABELS = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
_PART_S = 0.1
_WARM_UP = 1_000


def judged(
    count: int,
    *,
    seed: int = 1,
    defective: float = 0.02,
    inconclusive: float = 0.005,
    lot_size: int = 500,
    stations: Sequence[str] = ("aoi1",),
    labels: Sequence[str] = LABELS,
) -> Iterator[Part]:
    """`count` parts at each station in order; shares are 0..1, parts come every 0.1 s."""
    rng = random.Random(seed)
    for number in range(count):
        lot, sequence = f"lot{number // lot_size}", number % lot_size + 1
        at_s = 1_000_000.0 + number * _PART_S
        for station in stations:
            drawn = rng.random()
            found: dict[str, Found] | None = {}
            if drawn < defective:
                found = {rng.choice(labels): Found(1, rng.uniform(0.5, 1.0), rng.uniform(50.0, 500.0))}
            elif drawn < defective + inconclusive:
                found = None
            yield Part(
                station=station,
                inspection_id=f"{station}-{lot}-{sequence}",
                lot=lot,
                sequence=sequence,
                defects=found,
                captured_at_s=at_s,
                judged_at_s=at_s + 0.02,
                recipe="pcb:1",
                context={"cavity": str(number % 8)},
            )


def verdicts_per_s(book: RuleBook, parts: Iterable[Part]) -> float:
    """How fast the pure fold is on one core of this machine, in processor time; what loads at first use is loaded."""
    ready = list(parts)
    state = LineState()
    for part in ready[:_WARM_UP]:
        state, _ = on_part(state, part, "lyon/smt1", book)
    state = LineState()
    started = time.process_time()
    for part in ready:
        state, _ = on_part(state, part, "lyon/smt1", book)
    return len(ready) / (time.process_time() - started)
