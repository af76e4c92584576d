"""The findings about one supplier, and the files that carry them to the supplier."""

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tools.supplier.part import Part
from tools.supplier.rate import CONFIDENCE, Tally, exceeding, tallies, tally

_SIGNS, _CONTROLS = frozenset("=+-@"), frozenset("\t\r\n")


@dataclass(frozen=True)
class Report:
    """Everything that the files show."""

    supplier: str
    agreed: float
    """0..1."""
    parts: Sequence[Part]
    whole: Tally = field(init=False)
    lots: Mapping[str, Tally] = field(init=False)
    materials: Mapping[str, Tally] = field(init=False)
    days: Mapping[date, Tally] = field(init=False)
    bad_lots: Sequence[str] = field(init=False)
    labels: Mapping[str, int] = field(init=False)
    """How many parts have each class of defect; one part may have several."""

    def __post_init__(self) -> None:
        lots = tallies(self.parts, lambda part: part.lot)
        days = tallies(sorted(self.parts, key=lambda part: part.day), lambda part: part.day)
        found = {
            "whole": tally(self.parts),
            "lots": lots,
            "materials": tallies(self.parts, lambda part: part.material),
            "days": days,
            "bad_lots": exceeding(lots, self.agreed),
            "labels": dict(Counter(label for part in self.parts for label in part.labels).most_common()),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def exceeds(self) -> bool:
        """Whether the delivered parts are worse than agreed beyond reasonable doubt."""
        return self.whole.lower() > self.agreed

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        low, high = self.whole.interval()
        counted = f"{self.whole.defective} of {self.whole.inspected} parts defective ({self.whole.rate:.3%})"
        sure = f"true rate between {low:.3%} and {high:.3%} with {CONFIDENCE:.0%} confidence"
        verdict = f"at least {self.whole.lower():.3%}, more than" if self.exceeds else "no proof of more than"
        return f"{self.supplier}: {counted}; {sure}; {verdict} the agreed {self.agreed:.3%}"


def write(report: Report, html: str, folder: Path) -> list[Path]:
    """Write report.html, lots.csv, parts.csv and summary.json into `folder`; returns their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    summary = folder / "summary.json"
    summary.write_text(json.dumps(_summary(report), indent=1) + "\n", encoding="utf-8")
    lots = _table(folder / "lots.csv", ("lot", *_HEAD), ((lot, *_row(one)) for lot, one in report.lots.items()))
    head = ("line", "lot", "sequence", "material", "day", "result", "defects", "inspections")
    return [page, summary, lots, _table(folder / "parts.csv", head, (_part(part) for part in report.parts))]


_HEAD = ("inspected", "defective", "open", "rate", "lower95", "upper95")


def _row(one: Tally) -> tuple[object, ...]:
    low, high = one.interval()
    return one.inspected, one.defective, one.open, f"{one.rate:.6f}", f"{low:.6f}", f"{high:.6f}"


def _part(part: Part) -> tuple[object, ...]:
    result = {True: "defective", False: "good", None: "open"}[part.defective]
    what = (part.line, part.lot, part.sequence, part.material, part.day.isoformat(), result)
    return *what, " ".join(part.labels), " ".join(part.inspection_ids)


def _table(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return path


def _harmless(cell: object) -> object:
    """A lot called `=1+1` must not become a formula in the supplier's spreadsheet (CWE-1236).

    Spreadsheets pass over blanks before the sign, and read full-width signs (NFKC) as their narrow ones.
    """
    if not isinstance(cell, str):
        return cell
    meant = unicodedata.normalize("NFKC", cell)
    return f"'{cell}" if meant[:1] in _CONTROLS or meant.strip()[:1] in _SIGNS else cell


def _summary(report: Report) -> dict[str, object]:
    low, high = report.whole.interval()
    return {
        "supplier": report.supplier,
        "agreed_rate": report.agreed,
        "inspected": report.whole.inspected,
        "defective": report.whole.defective,
        "open": report.whole.open,
        "rate": report.whole.rate,
        "rate_lower95": report.whole.lower(),
        "interval95": [low, high],
        "exceeds": report.exceeds,
        "bad_lots": list(report.bad_lots),
        "defects": dict(report.labels),
    }
