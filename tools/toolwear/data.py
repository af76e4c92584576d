"""Tools that were worn out while somebody measured: a table with a row for each second of cutting.

The format is that of Vicomtech's machine-tool wear set: one CSV file, columns `tool`, `Vb` (flank wear in µm, of a
microscope, interpolated between its readings) and one column for each feature of each sensor.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class DataError(ValueError):
    """The folder cannot be used; the message names file, line, what is wrong and the fix."""


@dataclass(frozen=True)
class Life:
    """One tool from its first second to its last: the watched value, and the flank wear in µm."""

    tool: str
    values: tuple[float, ...]
    wear_um: tuple[float, ...]

    def reaches(self, wear_um: float) -> int | None:
        """The first second with that much wear; None: the record ends before."""
        return next((at for at, wear in enumerate(self.wear_um) if wear >= wear_um), None)


def load(folder: Path, feature: str) -> tuple[Life, ...]:
    """All tools of the one CSV file in `folder`, in the file's order. Raises DataError."""
    files = sorted(folder.glob("*.csv"))
    if len(files) != 1:
        raise DataError(f"{folder}: has {len(files)} CSV files; fix: give the folder with the one table")
    values: dict[str, list[float]] = {}
    wear: dict[str, list[float]] = {}
    with files[0].open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        for column in ("tool", "Vb", feature):
            if column not in (table.fieldnames or ()):
                raise DataError(f"{files[0]}:1: no column {column!r}; there are: {_some(table.fieldnames or ())}")
        for row in table:
            values.setdefault(row["tool"], []).append(_number(row, feature, files[0], table.line_num))
            wear.setdefault(row["tool"], []).append(_number(row, "Vb", files[0], table.line_num))
    if len(values) < 3:
        raise DataError(
            f"{files[0]}: has {len(values)} tools; fix: 3 or more, each is judged by what the others taught"
        )
    return tuple(Life(tool, tuple(values[tool]), tuple(wear[tool])) for tool in values)


def _number(row: Mapping[str, str], column: str, file: Path, line: int) -> float:
    try:
        number = float(row[column])
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{file}:{line}: {column} is {row[column]!r}; fix: a number in every row")
    if column != "Vb" and number <= 0:
        raise DataError(
            f"{file}:{line}: {column} is {number:g}; fix: a feature above 0 that rises with wear, such as an RMS"
        )
    return number


def _some(names: object) -> str:
    every = [str(name) for name in names] if isinstance(names, list | tuple) else []
    return ", ".join(every[:8]) + (f" and {len(every) - 8} more" if len(every) > 8 else "")
