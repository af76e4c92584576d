"""What was measured, for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

Row = dict[str, Any]
_WIDE = 78
"""A title is not broken where a usual terminal has room for it."""


def speed(rows: Sequence[Row], sizes: dict[str, int]) -> Iterator[Table]:
    """A table for each number of threads, a line for each variant: its file, and ms a picture for each batch."""
    for threads in dict.fromkeys(row["threads"] for row in rows):
        cells = {(row["variant"], row["batch"]): row for row in rows if row["threads"] == threads}
        batches = list(dict.fromkeys(batch for _, batch in cells))
        title = f"ms a picture, p50 / p95 (times as fast as FP32 on ONNX Runtime), threads: {threads}"
        table = _table(title, "variant", "MB", *(f"batch {batch}" for batch in batches))
        for name in dict.fromkeys(name for name, _ in cells):
            size = f"{sizes[name] / 1e6:.1f}" if name in sizes else ""
            table.add_row(name, size, *(_cell(cells[name, batch]) for batch in batches))
        yield table


def _cell(row: Row) -> str:
    return f"{row['p50_ms']:.2f} / {row['p95_ms']:.2f} ({row['times']:.1f} x)"


_ACCURACY = {
    "map33": "mAP33",
    "map50_95": "mAP50:95",
    "map50_95_measured": "measured",
    "f": "F",
    "false_alarms": "false alarms",
}


def accuracy(found: dict[str, dict[str, float]], boards: str) -> Table:
    """A line for each variant, in per cent: mAP50:95 of the network's boxes, and of those that the mesh measured.

    `boards` says what on. Alarms are counted by good boards.
    """
    table = _table(f"per cent, on {boards}, at the frozen threshold", "variant", *_ACCURACY.values())
    for name, figures in found.items():
        table.add_row(name, *(f"{100 * figures[key]:.2f}" for key in _ACCURACY))
    return table


def served(found: Row) -> Table:
    """A line for each concurrency."""
    arrangement = f"{found['instances']} instances, {found['threads']} threads together"
    heads = ("at once", "pictures/s", "p50 ms", "p99 ms", "bare runtime/s", "share")
    table = _table(f"through Triton, shared memory, {arrangement}", *heads)
    for row in found["rows"]:
        figures = (f"{row[name]}" for name in ("per_second", "p50_ms", "p99_ms", "direct_per_second"))
        table.add_row(str(row["concurrency"]), *figures, f"{row['share']:.2f}")
    return table


def batching(rows: Sequence[Row], best: Row) -> Table:
    """A line for each setting, how much and how late for each concurrency; the best one bold."""
    concurrencies = list(dict.fromkeys(row["concurrency"] for row in rows))
    heads = (f"{concurrency} at once" for concurrency in concurrencies)
    table = _table("pictures/s, p99 ms", "instances x threads", *heads)
    for setting in dict.fromkeys(row["setting"] for row in rows):
        cells = (f"{row['per_second']:.0f}, {row['p99_ms']:.0f}" for row in rows if row["setting"] == setting)
        table.add_row(setting, *cells, style="bold green" if setting == best["setting"] else "")
    return table


def paused(rows: Sequence[Row]) -> Table:
    """Both ways of each policy, p50 / p99, and how many times as long the naive one took."""
    table = _table(
        "ms from the fifth verdict, p50/p99", "policy", "way", "acknowledged", "held", "times as long to Held"
    )
    for policy in dict.fromkeys(row["policy"] for row in rows):
        ways = {row["way"]: row for row in rows if row["policy"] == policy}
        for way, row in ways.items():
            cells = (f"{row[f'{name}_p50_ms']:.0f} / {row[f'{name}_p99_ms']:.0f}" for name in ("acknowledged", "held"))
            times = row["held_p50_ms"] / ways["bridge"]["held_p50_ms"]
            table.add_row(policy, way, *cells, f"{times:.2f}")
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", min_width=min(len(title), _WIDE))
    table.add_column(first, no_wrap=True)
    for head in others:
        table.add_column(head, justify="right")
    return table
