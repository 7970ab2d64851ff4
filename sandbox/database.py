"""The sandbox's SQLite file: its schema, its connections, and who may write when.

One process serves all requests with threads. Readers take a connection from a pool and see the
last committed state; writers take turns on one connection, so that a batch is one transaction
and nobody ever waits for SQLite's own lock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
-- What the tenant shows: the contacts after refresh.
CREATE TABLE IF NOT EXISTS contacts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    is_company INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    company_key TEXT NOT NULL,
    record TEXT NOT NULL,
    gated TEXT NOT NULL,
    refreshed_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contacts_by_name ON contacts (name COLLATE NOCASE, key);
CREATE INDEX IF NOT EXISTS contacts_by_company ON contacts (company_key);

CREATE TABLE IF NOT EXISTS groups (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('security', 'community')),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    renamed_here INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS memberships (
    contact_key TEXT NOT NULL,
    position INTEGER NOT NULL,
    group_key TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (contact_key, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS memberships_by_group ON memberships (group_key, contact_key);

-- What the tenant has accepted, shown or not: later pushes are judged against this.
CREATE TABLE IF NOT EXISTS accepted_contacts (
    key TEXT PRIMARY KEY,
    email TEXT,
    is_company INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS accepted_emails ON accepted_contacts (email);
CREATE TABLE IF NOT EXISTS accepted_groups (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL
) WITHOUT ROWID;

-- Accepted, not yet shown. In order: a record may say nothing about a field that an earlier
-- record, still waiting, has set.
CREATE TABLE IF NOT EXISTS refresh_queue (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_key TEXT NOT NULL,
    item TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS refresh_queue_by_contact ON refresh_queue (contact_key);

-- What was accepted, in order, while the control setting keep_history was on.
CREATE TABLE IF NOT EXISTS history (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_key TEXT NOT NULL,
    item TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    status INTEGER NOT NULL,
    success INTEGER NOT NULL,
    count INTEGER NOT NULL,
    millis REAL NOT NULL,
    keys TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- What HL's staff set for the tenant. `seed` is what the environment said when it was stored.
CREATE TABLE IF NOT EXISTS tenant_settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    seed TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS login_states (
    state TEXT PRIMARY KEY,
    browser TEXT NOT NULL,
    data TEXT NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS site_sessions (
    token_hash TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    data TEXT NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
"""


class Database:
    """The file `sandbox.sqlite3` in a directory that is made if need be.

    Raises sqlite3.Error or OSError when the file cannot be opened.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "sandbox.sqlite3"
        # The client secrets of the worksheet are inside: nobody else on the machine reads it.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._pool: list[sqlite3.Connection] = []
        self._pool_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._closed = False
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.executescript(SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=10
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same committed state."""
        with self._pool_lock:
            connection = self._pool.pop() if self._pool else None
        if connection is None:
            connection = self._connect()
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        finally:
            with self._pool_lock:
                if self._closed or len(self._pool) >= 16:
                    connection.close()
                else:
                    self._pool.append(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection in one transaction: committed at the end, or nothing of it."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def close(self) -> None:
        """Closes every connection; the database must not be used afterwards."""
        with self._write_lock, self._pool_lock:
            self._closed = True
            self._writer.close()
            for connection in self._pool:
                connection.close()
            self._pool.clear()
