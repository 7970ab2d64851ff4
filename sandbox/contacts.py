"""What the tenant shows of its contacts and groups, read from the database as it is now."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from sandbox.database import Database
from sandbox.records import Kind


@dataclass(frozen=True)
class Contact:
    """One contact as shown: its full record, and what the pages need beside it."""

    key: str
    name: str
    email: str
    is_company: bool
    is_active: bool
    company_key: str
    refreshed_at: float
    record: dict[str, Any]
    """The wire's five lists and `MemberDetails`, the gated fields among them."""

    @property
    def details(self) -> dict[str, Any]:
        """The flat fields of the record."""
        details: dict[str, Any] = self.record["MemberDetails"]
        return details


@dataclass(frozen=True)
class Group:
    """One security group or community."""

    key: str
    kind: Kind
    name: str
    type: str
    renamed_here: bool
    members: int
    """Contacts in it by their own record; inheritance from a company is not counted."""


@dataclass(frozen=True)
class Belonging:
    """That a contact is in a group, with all its roles there."""

    group: Group
    roles: tuple[str, ...]
    through: str = ""
    """The name of the company that the person inherits a security group from; else empty."""


@dataclass(frozen=True)
class Member:
    """A contact as a group's page lists it."""

    key: str
    name: str
    email: str
    title: str
    company: str
    is_company: bool
    roles: tuple[str, ...]


_GROUP = (
    "SELECT g.*, (SELECT count(DISTINCT m.contact_key) FROM memberships m "
    "WHERE m.group_key = g.key) AS members FROM groups g "
)


def contact(database: Database, key: str) -> Contact | None:
    """The contact with that key, if the tenant shows it."""
    with database.reading() as connection:
        row = connection.execute("SELECT * FROM contacts WHERE key = ?", (key,)).fetchone()
    return None if row is None else _contact(row)


def keys(database: Database) -> list[str]:
    """The keys of all contacts, in their order as text."""
    with database.reading() as connection:
        return [row["key"] for row in connection.execute("SELECT key FROM contacts ORDER BY key")]


def search(database: Database, words: str, page: int, size: int) -> tuple[int, list[Contact]]:
    """How many contacts match, and one page of them by name; `page` counts from 1.

    Every word must be in the name, the address or the key.
    """
    condition, values = "1", []
    for word in words.split()[:10]:
        condition += " AND (name LIKE ? ESCAPE '\\' OR email LIKE ? ESCAPE '\\' OR key = ?)"
        pattern = "%" + "".join("\\" + c if c in "\\%_" else c for c in word) + "%"
        values += [pattern, pattern, word]
    with database.reading() as connection:
        # The condition is made of constant text only.
        total = connection.execute(
            f"SELECT count(*) FROM contacts WHERE {condition}",  # noqa: S608
            values,
        ).fetchone()[0]
        rows = connection.execute(
            f"SELECT * FROM contacts WHERE {condition} "  # noqa: S608
            "ORDER BY name COLLATE NOCASE, key LIMIT ? OFFSET ?",
            [*values, size, (page - 1) * size],
        ).fetchall()
    return total, [_contact(row) for row in rows]


def group(database: Database, key: str) -> Group | None:
    """The group with that key."""
    with database.reading() as connection:
        row = connection.execute(_GROUP + "WHERE g.key = ?", (key,)).fetchone()
    return None if row is None else _group(row)


def groups(database: Database, kind: Kind | None = None) -> list[Group]:
    """All groups by name, or those of one kind."""
    with database.reading() as connection:
        rows = connection.execute(
            _GROUP + "WHERE ? IN (g.kind, '') ORDER BY g.name COLLATE NOCASE, g.key", (kind or "",)
        ).fetchall()
    return [_group(row) for row in rows]


def rename(database: Database, key: str, name: str) -> None:
    """Names a group at Higher Logic's side: pushes no longer change the name."""
    with database.writing() as connection:
        connection.execute(
            "UPDATE groups SET name = ?, renamed_here = 1 WHERE key = ?", (name, key)
        )


def member_keys(database: Database, group_key: str) -> list[str]:
    """The keys of the contacts that are in a group by their own record."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT DISTINCT contact_key FROM memberships WHERE group_key = ? ORDER BY 1",
            (group_key,),
        ).fetchall()
    return [row["contact_key"] for row in rows]


def members(database: Database, group_key: str, page: int, size: int) -> list[Member]:
    """One page of a group's members by name; `page` counts from 1."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT c.*, json_group_array(m.role) AS roles FROM memberships m "
            "JOIN contacts c ON c.key = m.contact_key WHERE m.group_key = ? GROUP BY c.key "
            "ORDER BY c.name COLLATE NOCASE, c.key LIMIT ? OFFSET ?",
            (group_key, size, (page - 1) * size),
        ).fetchall()
    found = []
    for row in rows:
        details = json.loads(row["record"])["MemberDetails"]
        found.append(
            Member(
                key=row["key"],
                name=row["name"],
                email=row["email"],
                title=details.get("Title", ""),
                company=details.get("CompanyName", ""),
                is_company=bool(row["is_company"]),
                roles=tuple(sorted({role for role in json.loads(row["roles"]) if role})),
            )
        )
    return found


def belongings(database: Database, one: Contact, kind: Kind) -> list[Belonging]:
    """The groups of a contact; with security groups, those its company hands down as well.

    At Higher Logic a company's security groups are inherited by its people.
    """
    with database.reading() as connection:
        found = _own(connection, one.key, kind, "")
        if kind == "security" and one.company_key:
            company = connection.execute(
                "SELECT name FROM contacts WHERE key = ?", (one.company_key,)
            ).fetchone()
            if company is not None:
                own = {belonging.group.key for belonging in found}
                inherited = _own(connection, one.company_key, kind, company["name"])
                found += [one for one in inherited if one.group.key not in own]
    return found


def people_of(database: Database, company_key: str) -> list[Contact]:
    """The contacts that point to a company, by name; at most 200."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM contacts WHERE company_key = ? "
            "ORDER BY name COLLATE NOCASE, key LIMIT 200",
            (company_key,),
        ).fetchall()
    return [_contact(row) for row in rows]


def totals(database: Database) -> dict[str, int]:
    """Counts for the state page: contacts, companies, people, requests, accepted_records,
    contacts_pending_refresh."""
    with database.reading() as connection:
        shown = connection.execute(
            "SELECT count(*) AS contacts, coalesce(sum(is_company), 0) AS companies FROM contacts"
        ).fetchone()
        counters = {
            row["name"]: row["value"] for row in connection.execute("SELECT * FROM counters")
        }
        pending = connection.execute(
            "SELECT count(DISTINCT contact_key) FROM refresh_queue"
        ).fetchone()[0]
    return {
        "contacts": shown["contacts"],
        "companies": shown["companies"],
        "people": shown["contacts"] - shown["companies"],
        "contacts_pending_refresh": pending,
        "requests": counters.get("requests", 0),
        "accepted_records": counters.get("accepted_records", 0),
    }


def empty(database: Database) -> None:
    """Forgets every contact, group, queued record, logged push and signed-in browser."""
    with database.writing() as connection:
        for table in (
            *("contacts", "groups", "memberships", "accepted_contacts", "accepted_groups"),
            *("refresh_queue", "history", "pushes", "counters", "login_states", "site_sessions"),
        ):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constant names


def _own(
    connection: sqlite3.Connection, contact_key: str, kind: Kind, through: str
) -> list[Belonging]:
    rows = connection.execute(
        "SELECT g.*, 0 AS members, json_group_array(m.role) AS roles FROM memberships m "
        "JOIN groups g ON g.key = m.group_key WHERE m.contact_key = ? AND g.kind = ? "
        "GROUP BY g.key ORDER BY g.name COLLATE NOCASE, g.key",
        (contact_key, kind),
    ).fetchall()
    return [
        Belonging(
            group=_group(row),
            roles=tuple(sorted({role for role in json.loads(row["roles"]) if role})),
            through=through,
        )
        for row in rows
    ]


def _contact(row: sqlite3.Row) -> Contact:
    record = json.loads(row["record"])
    record["MemberDetails"] |= json.loads(row["gated"])
    return Contact(
        key=row["key"],
        name=row["name"],
        email=row["email"],
        is_company=bool(row["is_company"]),
        is_active=bool(row["is_active"]),
        company_key=row["company_key"],
        refreshed_at=row["refreshed_at"],
        record=record,
    )


def _group(row: sqlite3.Row) -> Group:
    return Group(
        key=row["key"],
        kind=row["kind"],
        name=row["name"],
        type=row["type"],
        renamed_here=bool(row["renamed_here"]),
        members=row["members"],
    )
