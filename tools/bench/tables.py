"""What was measured, for people."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

Row = dict[str, Any]


def speed(rows: Sequence[Row], sizes: dict[str, int]) -> Table:
    """A line for each variant: its file, and ms a picture with the factor on the reference per threads and batch."""
    columns = list(dict.fromkeys((row["threads"], row["batch"]) for row in rows))
    heads = (f"{threads} thread{'s' * (threads > 1)}, batch {batch}" for threads, batch in columns)
    table = _table("ms a picture, median (times as fast as FP32 on ONNX Runtime)", "variant", "MB", *heads)
    for name, size in sizes.items():
        cells = {(row["threads"], row["batch"]): row for row in rows if row["variant"] == name}
        found = (f"{cells[at]['p50_ms']:.2f} ({cells[at]['times']:.2f} x)" for at in columns)
        table.add_row(name, f"{size / 1e6:.1f}", *found)
    return table


def accuracy(found: dict[str, dict[str, float]]) -> Table:
    """A line for each variant, in per cent."""
    heads = ("mAP33", "mAP50", "mAP50:95", "precision", "recall", "F", "good boards alarmed")
    table = _table("per cent, on groups never trained on, at the frozen threshold", "variant", *heads)
    for name, figures in found.items():
        table.add_row(name, *(f"{100 * value:.2f}" for value in figures.values()))
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
    """A line for each setting: pictures a second / p99 ms per concurrency; the best one bold."""
    concurrencies = list(dict.fromkeys(row["concurrency"] for row in rows))
    heads = (f"{concurrency} at once" for concurrency in concurrencies)
    table = _table("pictures/s, p50 / p99 ms", "instances x threads", *heads)
    for setting in dict.fromkeys(row["setting"] for row in rows):
        cells = (
            f"{row['per_second']:.0f}, {row['p50_ms']:.1f} / {row['p99_ms']:.1f}"
            for row in rows
            if row["setting"] == setting
        )
        table.add_row(setting, *cells, style="bold green" if setting == best["setting"] else "")
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, title=title, title_justify="left")
    for head in others:
        table.add_column(head, justify="right")
    return table
