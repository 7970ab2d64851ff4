"""The refresh queue: what was accepted becomes what the tenant shows, at a pace that can be set.

Higher Logic answers a push before its pages show it and counts "contacts pending refresh". The
queue is in the database: a restart loses nothing of it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from sandbox.database import Database
from sandbox.tenant import GATED_FIELDS

log = logging.getLogger(__name__)

CHUNK = 200
"""Records applied in one transaction: a push never waits long for its turn."""
TICK = 0.02
"""Seconds between two chunks while the queue is not empty."""


def refresh(database: Database, limit: int) -> int:
    """Applies at most `limit` queued records, oldest first; returns how many there were."""
    with database.writing() as connection:
        rows = connection.execute(
            "SELECT position, contact_key, item FROM refresh_queue ORDER BY position LIMIT ?",
            (limit,),
        ).fetchall()
        if rows:
            _apply(connection, [(row["contact_key"], json.loads(row["item"])) for row in rows])
            connection.execute(
                "DELETE FROM refresh_queue WHERE position <= ?", (rows[-1]["position"],)
            )
    return len(rows)


def _apply(connection: sqlite3.Connection, records: list[tuple[str, dict[str, Any]]]) -> None:
    now = time.time()
    contacts: dict[str, tuple[Any, ...]] = {}
    gated: dict[str, dict[str, str]] = {}
    members: dict[str, list[dict[str, Any]]] = {}
    groups: dict[str, tuple[str, str, str, str]] = {}
    for key, content in records:
        details = content["MemberDetails"]
        if key not in gated:
            gated[key] = _gated_fields(connection, key)
        # The one exception to "left out is gone": the fields that a property gates.
        for name in GATED_FIELDS & details.keys():
            gated[key][name] = details.pop(name)
        members[key] = content["SecurityGroups"] + content["CommunityGroups"]
        for kind, entries in (
            ("security", content["SecurityGroups"]),
            ("community", content["CommunityGroups"]),
        ):
            for entry in entries:
                group_key = entry["GroupKey"]
                groups[group_key] = (group_key, kind, entry["GroupName"], entry["GroupType"])
        contacts[key] = (
            key,
            display_name(key, details),
            details.get("EmailAddress", ""),
            details.get("IsOrganization", False),
            details.get("IsActive", True),
            details.get("ParentMemberKey", ""),
            json.dumps(content, ensure_ascii=False),
            json.dumps(gated[key], ensure_ascii=False),
            now,
        )
    connection.executemany(
        "INSERT INTO groups (key, kind, name, type) VALUES (?, ?, ?, ?) ON CONFLICT (key) "
        "DO UPDATE SET type = excluded.type, "
        "name = CASE WHEN renamed_here THEN name ELSE excluded.name END",
        groups.values(),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", contacts.values()
    )
    connection.executemany(
        "DELETE FROM memberships WHERE contact_key = ?", [(key,) for key in members]
    )
    connection.executemany(
        "INSERT INTO memberships (contact_key, position, group_key, role) VALUES (?, ?, ?, ?)",
        [
            (key, position, entry["GroupKey"], entry.get("RoleDescription") or "")
            for key, entries in members.items()
            for position, entry in enumerate(entries)
        ],
    )


def _gated_fields(connection: sqlite3.Connection, key: str) -> dict[str, str]:
    row = connection.execute("SELECT gated FROM contacts WHERE key = ?", (key,)).fetchone()
    fields: dict[str, str] = {} if row is None else json.loads(row["gated"])
    return fields


def display_name(key: str, details: dict[str, Any]) -> str:
    """What the pages call a contact: a company by its company name, a person by theirs."""
    person = " ".join(
        part
        for name in ("PrefixCode", "FirstName", "MiddleName", "LastName", "SuffixCode")
        if (part := details.get(name, "").strip())
    )
    company: str = details.get("CompanyName", "").strip()
    if details.get("IsOrganization"):
        return company or person or key
    return person or key


class Refresher:
    """The thread that empties the queue; `rate` gives records a second, None for no limit."""

    def __init__(self, database: Database, rate: Callable[[], float | None]) -> None:
        self._database = database
        self._rate = rate
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-refresh", daemon=True)

    def start(self) -> None:
        """Starts with whatever an earlier process has left in the queue."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Says that the queue or the rate has changed."""
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread after the chunk it is at; what is queued stays queued."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        budget, before = 0.0, time.monotonic()
        while not self._stopping:
            self._wake.clear()
            rate, now = self._rate(), time.monotonic()
            if rate is None:
                allowed = CHUNK
            else:
                # Up to a quarter of a second is saved up, so that a quiet tenant is quick.
                saved_at_most = max(1.0, rate / 4) if rate else 0.0
                budget = min(budget + rate * (now - before), saved_at_most)
                allowed = min(CHUNK, int(budget))
            before = now
            try:
                applied = refresh(self._database, allowed) if allowed else 0
            except sqlite3.Error:
                # A full disk, say. The queue is as it was: try again until it can be done.
                log.exception("the refresh queue could not be applied; trying again")
                self._wake.wait(1)
                continue
            budget -= applied
            if applied == allowed and rate != 0:
                self._wake.wait(TICK if rate is None or rate >= 1 else 0.2)
            else:
                self._wake.wait()
