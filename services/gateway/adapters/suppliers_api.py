"""Suppliers as the line sees them now: shares of defective parts among the verdicts that the view remembers.

For a look at the day; what goes to a supplier is `jidoka supplier report`, from the whole history.
"""

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist
from typing import Any

from fastapi import FastAPI

from services.contracts.scopes import RESULT_READ
from services.gateway.adapters.door import Door
from services.gateway.domain import Entry, View

_CONFIDENCE = 0.95
_Part = tuple[str, str, str, str]


def install(app: FastAPI, view: View, door: Door, remembered: int) -> None:
    """The endpoint."""

    @app.get(
        "/v1/suppliers",
        dependencies=[door.needs(RESULT_READ)],
        summary="Defective parts by supplier and lot, among the remembered verdicts",
    )
    async def suppliers() -> list[dict[str, Any]]:
        return rates(view.inspections.newest(remembered))


def rates(newest_first: Iterable[Entry]) -> list[dict[str, Any]]:
    """By supplier and lot: clear parts, defective ones, and Wilson's 95 % interval, the surest offender first.

    A part counts once: the newest look of each station, and one bad station makes it bad; without a clear verdict
    everywhere it is in no rate.
    """
    looks: dict[_Part, dict[str, str]] = {}
    for verdict in newest_first:
        if supplier := verdict.get("context", {}).get("supplier", ""):
            station, part = verdict["station"], verdict.get("part", {})
            where = f"{station['site']}/{station['line']}"
            key = (supplier, part.get("lotId", ""), where, part.get("partSequence", ""))
            looks.setdefault(key, {}).setdefault(station["station"], verdict.get("outcome", ""))
    groups: dict[tuple[str, str], list[set[str]]] = {}
    for (supplier, lot, _, _), stations in looks.items():
        groups.setdefault((supplier, lot), []).append(set(stations.values()))
    found = [_rate(supplier, lot, parts) for (supplier, lot), parts in groups.items()]
    return sorted(found, key=lambda each: each["lower95"], reverse=True)


def _rate(supplier: str, lot: str, parts: list[set[str]]) -> dict[str, Any]:
    bad = sum("OUTCOME_FAIL" in outcomes for outcomes in parts)
    clear = bad + sum(outcomes == {"OUTCOME_PASS"} for outcomes in parts)
    low, high = _wilson(bad, clear)
    return {
        "supplier": supplier,
        "lot": lot,
        "inspected": clear,
        "defective": bad,
        "open": len(parts) - clear,
        "lower95": low,
        "upper95": high,
    }


def _wilson(bad: int, parts: int) -> tuple[float, float]:
    """Wilson's two-sided interval of a share, 0..1 (JASA 22, 1927)."""
    if not parts:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    share, spread = bad / parts, z * z / parts
    root = z * sqrt(share * (1 - share) / parts + spread / (4 * parts))
    return max(0.0, (share + spread / 2 - root) / (1 + spread)), min(1.0, (share + spread / 2 + root) / (1 + spread))
