"""Taking a push, whole or not at all: what items may say about each other and about the tenant.

Source: what is known of Higher Logic's Push API v1. The checks look at what was accepted, not at
what is shown: a contact still waiting in the refresh queue already owns its e-mail address.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from sandbox.database import Database
from sandbox.records import Item, Kind, Refused
from sandbox.tenant import GATED_FIELDS, fields_switched_on

KIND_NAMES: dict[Kind, str] = {"security": "a security group", "community": "a community"}


def take(database: Database, items: Sequence[Item], *, keep: bool = False) -> None:
    """Accepts the items in one transaction and puts them in the refresh queue, in their order.

    `keep` has what was accepted kept in the history as well.

    Raises Refused, and leaves everything as it was, if any of them cannot be taken.
    """
    with database.writing() as connection:
        _check_keys(items)
        _check_emails(connection, items)
        _check_companies(connection, items)
        kinds = _check_group_kinds(connection, items)
        _accept(connection, items, kinds)
        if keep:
            _keep(connection, items)


def _check_keys(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.key in seen:
            raise Refused(f"LegacyContactKey {item.key} is in the request twice")
        seen.add(item.key)


def _check_emails(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    """Each address belongs to one contact once the whole request is taken."""
    keys = {item.key for item in items}
    owners: dict[str, str] = {}
    for item in items:
        if not item.email:
            continue
        owner = owners.setdefault(item.email, item.key)
        if owner == item.key:
            row = connection.execute(
                "SELECT key FROM accepted_contacts WHERE email = ?", (item.email,)
            ).fetchone()
            # An owner within the request is about to have another address: two contacts may
            # change places.
            if row is not None and row["key"] not in keys:
                owner = row["key"]
        if owner != item.key:
            raise Refused(
                f"EmailAddress {item.email} of contact {item.key} is already used by "
                f"contact {owner}: each address must be unique"
            )


def _check_companies(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    companies: dict[str, bool] = {}
    for item in items:
        if key := item.company_key:
            if key not in companies:
                row = connection.execute(
                    "SELECT is_company FROM accepted_contacts WHERE key = ?", (key,)
                ).fetchone()
                companies[key] = row is not None and bool(row["is_company"])
            if not companies[key]:
                raise Refused(
                    f"ParentMemberKey {key} of contact {item.key} is not a known company: "
                    "send the company first"
                )
        companies[item.key] = item.is_company


def _check_group_kinds(connection: sqlite3.Connection, items: Sequence[Item]) -> dict[str, Kind]:
    """A key is a security group's or a community's, for good."""
    kinds: dict[str, Kind] = {}
    for item in items:
        for key, kind in item.groups:
            if key not in kinds:
                row = connection.execute(
                    "SELECT kind FROM accepted_groups WHERE key = ?", (key,)
                ).fetchone()
                kinds[key] = row["kind"] if row is not None else kind
            if kinds[key] != kind:
                raise Refused(
                    f"GroupKey {key} of contact {item.key} is {KIND_NAMES[kinds[key]]}, "
                    f"not {KIND_NAMES[kind]}"
                )
    return kinds


def _accept(connection: sqlite3.Connection, items: Sequence[Item], kinds: dict[str, Kind]) -> None:
    # First give the old addresses up: within one request two contacts may swap theirs.
    connection.executemany(
        "UPDATE accepted_contacts SET email = NULL WHERE key = ?", [(item.key,) for item in items]
    )
    connection.executemany(
        "INSERT INTO accepted_contacts (key, email, is_company) VALUES (?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET email = excluded.email, is_company = excluded.is_company",
        [(item.key, item.email or None, item.is_company) for item in items],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO accepted_groups (key, kind) VALUES (?, ?)", kinds.items()
    )
    ignored = GATED_FIELDS - fields_switched_on(connection)
    for item in items:
        details = item.content["MemberDetails"]
        for name in ignored & details.keys():
            del details[name]
    connection.executemany(
        "INSERT INTO refresh_queue (contact_key, item) VALUES (?, ?)",
        [(item.key, json.dumps(item.content, ensure_ascii=False)) for item in items],
    )
    connection.execute(
        "INSERT INTO counters (name, value) VALUES ('accepted_records', ?) "
        "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (len(items),),
    )


def history(database: Database, after: int, limit: int) -> list[dict[str, Any]]:
    """What was accepted while the history was kept, oldest first: position, key, record; from the
    position after `after`."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM history WHERE position > ? ORDER BY position LIMIT ?", (after, limit)
        ).fetchall()
    return [
        {
            "position": row["position"],
            "key": row["contact_key"],
            "record": json.loads(row["item"]),
        }
        for row in rows
    ]


def _keep(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    connection.executemany(
        "INSERT INTO history (contact_key, item) VALUES (?, ?)",
        [(item.key, json.dumps(item.content, ensure_ascii=False)) for item in items],
    )
