"""Verdicts as parts: whatever looked at a part, and however often, the part counts once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date

from jidoka.verdict.v1 import verdict_pb2

_PASS, _FAIL = verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL


@dataclass(frozen=True)
class Part:
    """One part of a supplier; `defective` is None where nobody could tell."""

    line: str
    lot: str
    sequence: int
    material: str
    day: date
    """UTC, when it was judged first."""
    defective: bool | None
    labels: tuple[str, ...]
    inspection_ids: tuple[str, ...]


def parts_of(
    verdicts: Iterable[verdict_pb2.Verdict], supplier: str, *, lot: str = "", material: str = ""
) -> list[Part]:
    """The parts that this supplier's context stands on, by lot and number.

    Defective at any station is defective; a part without a clear verdict anywhere is left open, never good.
    """
    seen: dict[tuple[str, str, int], list[verdict_pb2.Verdict]] = {}
    for verdict in verdicts:
        mine = verdict.context.get("supplier") == supplier
        if mine and lot in ("", verdict.part.lot_id) and material in ("", _material(verdict)):
            line = f"{verdict.station.site}/{verdict.station.line}"
            seen.setdefault((line, verdict.part.lot_id, verdict.part.part_sequence), []).append(verdict)
    return [_part(key, seen[key]) for key in sorted(seen)]


def _material(verdict: verdict_pb2.Verdict) -> str:
    return verdict.context.get("material") or verdict.part.product_id


def _part(key: tuple[str, str, int], verdicts: list[verdict_pb2.Verdict]) -> Part:
    # Looked at again at the same station (a false reject that somebody cleared), the last look counts there.
    latest: dict[str, verdict_pb2.Verdict] = {}
    for verdict in sorted(verdicts, key=lambda it: it.judged_at.ToNanoseconds()):
        latest[verdict.station.station] = verdict
    outcomes = {verdict.outcome for verdict in latest.values()}
    defective = True if _FAIL in outcomes else False if outcomes == {_PASS} else None
    failing = [verdict for verdict in latest.values() if verdict.outcome == _FAIL]
    return Part(
        *key,
        material=_material(verdicts[0]),
        day=min(verdict.judged_at.ToDatetime(UTC) for verdict in verdicts).date(),
        defective=defective,
        labels=tuple(sorted({defect.label for verdict in failing for defect in verdict.defects})),
        inspection_ids=tuple(verdict.inspection_id for verdict in latest.values()),
    )
