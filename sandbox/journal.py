"""The log of pushes: one row per request to the push endpoint, refused ones included."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sandbox.database import Database

KEPT = 1_000
"""Rows kept; older ones go."""


@dataclass
class Push:
    """One request as it is being answered."""

    status: int = 0
    success: bool = False
    count: int = 0
    """Items in the request, as far as it could be read."""
    keys: tuple[str, ...] = ()
    """Of the contacts that it is about, taken or not, as far as they could be read."""
    note: str = ""
    """What was answered, or what a fault did to the answer."""


def write(database: Database, push: Push, began: float) -> None:
    """Adds the row and counts the request; `began` is time.perf_counter() at its arrival."""
    millis = (time.perf_counter() - began) * 1000
    with database.writing() as connection:
        row = connection.execute(
            "INSERT INTO pushes (at, status, success, count, millis, keys, note) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                push.status,
                push.success,
                push.count,
                round(millis, 1),
                json.dumps(push.keys),
                push.note[:1000],
            ),
        )
        connection.execute("DELETE FROM pushes WHERE id <= ?", ((row.lastrowid or 0) - KEPT,))
        connection.execute(
            "INSERT INTO counters (name, value) VALUES ('requests', 1) "
            "ON CONFLICT (name) DO UPDATE SET value = value + 1"
        )


def latest(database: Database, limit: int) -> list[dict[str, Any]]:
    """The newest rows, newest first: id, time (Unix seconds, when all was done but the answer),
    status, success, count, millis since it came, keys, note."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM pushes ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()
    return [
        {
            "id": row["id"],
            "time": row["at"],
            "status": row["status"],
            "success": bool(row["success"]),
            "count": row["count"],
            "millis": row["millis"],
            "keys": json.loads(row["keys"]),
            "note": row["note"],
        }
        for row in rows
    ]
