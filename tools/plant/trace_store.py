"""Where spans are kept: one SQLite file, written by the receiver, read by the `jidoka` command at the same time."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS span (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, failed INTEGER NOT NULL, attributes TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
);
CREATE INDEX IF NOT EXISTS span_start ON span (start_ns);
"""
# An exporter that saw no answer sends its batch again: the first copy stays.
_INSERT = "INSERT OR IGNORE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PRUNE = "DELETE FROM span WHERE rowid <= (SELECT max(rowid) FROM span) - ?"
_SPANS = "SELECT * FROM span WHERE trace_id = ? ORDER BY start_ns"
_LATEST = """
SELECT trace_id, min(start_ns) AS began_ns, max(end_ns), count(*), group_concat(DISTINCT service), max(failed)
FROM span WHERE ?1 = '' OR trace_id IN (SELECT trace_id FROM span WHERE service = ?1)
GROUP BY trace_id ORDER BY began_ns DESC LIMIT ?2
"""


@dataclass(frozen=True)
class Span:
    """One finished piece of work; times in nanoseconds since the epoch, ids in lower-case hex, no parent: ""."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int
    failed: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """One line about a trace."""

    trace_id: str
    start_ns: int
    end_ns: int
    spans: int
    services: tuple[str, ...]
    failed: bool


class TraceStore:
    """The writing side. Keeps the last `keep_spans` spans; safe to use from several threads."""

    def __init__(self, database: Path, keep_spans: int) -> None:
        self._keep_spans = keep_spans
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(database, check_same_thread=False)
        self._connection.executescript(_SCHEMA)

    def add(self, spans: Sequence[Span]) -> None:
        """Store a batch; returns when it is in the file."""
        rows = [
            (
                s.trace_id,
                s.span_id,
                s.parent_id,
                s.service,
                s.name,
                s.start_ns,
                s.end_ns,
                s.failed,
                json.dumps(s.attributes),
            )
            for s in spans
        ]
        with self._lock, self._connection:
            self._connection.executemany(_INSERT, rows)
            self._connection.execute(_PRUNE, (self._keep_spans,))


def _reader(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2)
    connection.row_factory = sqlite3.Row
    return connection


def spans_of(database: Path, trace_id: str) -> list[Span]:
    """The spans of one trace, earliest first; none when the trace is unknown or forgotten."""
    with closing(_reader(database)) as connection:
        rows = connection.execute(_SPANS, (trace_id,)).fetchall()
    decoded = ({"failed": bool(row["failed"]), "attributes": json.loads(row["attributes"])} for row in rows)
    return [Span(**{**dict(row), **more}) for row, more in zip(rows, decoded, strict=True)]


def latest(database: Path, limit: int = 20, service: str = "") -> list[Trace]:
    """The traces that began last, newest first; only those that went through `service`, if given."""
    with closing(_reader(database)) as connection:
        rows = connection.execute(_LATEST, (service, limit)).fetchall()
    return [
        Trace(trace_id, start, end, spans, tuple(sorted(services.split(","))), bool(failed))
        for trace_id, start, end, spans, services, failed in rows
    ]
