"""The MES sandbox's orders and comments, in SQLite: on disk before they are answered."""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS work_orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    external_reference TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    status TEXT NOT NULL,
    request TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS by_reference ON work_orders (external_reference);
CREATE TABLE IF NOT EXISTS comments (
    number INTEGER NOT NULL,
    comment TEXT NOT NULL
);
"""


class Orders:
    """Work orders with their comments; a second one with the same reference is another one."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_SCHEMA)

    def add(self, reference: str, request: str, idempotency_key: str, traceparent: str) -> str:
        """Open an order; its number is returned once it is on disk."""
        row = (reference, idempotency_key, traceparent, request, time.time())
        added = self._connection.execute(
            "INSERT INTO work_orders (external_reference, idempotency_key, traceparent, status, request, created_at)"
            " VALUES (?, ?, ?, 'open', ?, ?)",
            row,
        )
        return _id(added.lastrowid or 0)

    def select(self, where: str = "1", *values: object) -> list[dict[str, Any]]:
        """Orders that match, oldest first; `where` is ours, `values` may be anybody's."""
        rows = self._connection.execute(f"SELECT * FROM work_orders WHERE {where} ORDER BY number", values)  # noqa: S608
        return [{"id": _id(row["number"]), **dict(row), "request": json.loads(row["request"])} for row in rows]

    def move(self, number: int, status: str) -> None:
        """Give an order another status."""
        self._connection.execute("UPDATE work_orders SET status = ? WHERE number = ?", (status, number))

    def delete(self, number: int) -> None:
        """Forget an order."""
        self._connection.execute("DELETE FROM work_orders WHERE number = ?", (number,))

    def comment(self, number: int, comment: dict[str, Any]) -> None:
        """Append a comment; whether it is there already is for the sender to ask."""
        self._connection.execute("INSERT INTO comments VALUES (?, ?)", (number, json.dumps(comment)))

    def comments(self, number: int) -> list[dict[str, Any]]:
        """An order's comments, oldest first."""
        rows = self._connection.execute("SELECT comment FROM comments WHERE number = ? ORDER BY rowid", (number,))
        return [json.loads(row["comment"]) for row in rows]


def _id(number: int) -> str:
    return f"WO-{number:06d}"
