"""Who is signed in at which of the two sites, and sign-ins under way: kept on the server.

The browser holds one random token for each site; the database holds its hash. The cookies have
names of their own, for browsers share the cookies of 127.0.0.1 between all ports.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import Any, Literal

from flask import Response, request, session

from sandbox.database import Database

Site = Literal["community", "conference"]

SESSION_SECONDS = 8 * 3600
LOGIN_SECONDS = 15 * 60
MAX_LOGINS = 10_000
"""Sign-ins under way that are remembered, all browsers together."""


def cookie_name(site: Site) -> str:
    """The cookie that holds the site's session token."""
    return f"sandbox_{site}"


def begin(database: Database, site: Site, data: dict[str, Any], response: Response) -> None:
    """Signs the browser in at the site, in place of whoever was; a new token each time."""
    end(database, site, response)
    token = secrets.token_urlsafe(32)
    now = time.time()
    with database.writing() as connection:
        connection.execute("DELETE FROM site_sessions WHERE expires_at <= ?", (now,))
        connection.execute(
            "INSERT INTO site_sessions (token_hash, site, data, expires_at) VALUES (?, ?, ?, ?)",
            (_hash(token), site, json.dumps(data), now + SESSION_SECONDS),
        )
    response.set_cookie(
        cookie_name(site), token, max_age=SESSION_SECONDS, httponly=True, samesite="Lax"
    )


def current(database: Database, site: Site) -> dict[str, Any] | None:
    """What `begin` stored for this browser's session at the site, while it lasts."""
    token = request.cookies.get(cookie_name(site), "")
    with database.reading() as connection:
        row = connection.execute(
            "SELECT data FROM site_sessions WHERE token_hash = ? AND site = ? AND expires_at > ?",
            (_hash(token), site, time.time()),
        ).fetchone()
    return None if row is None else json.loads(row["data"])


def end(database: Database, site: Site, response: Response) -> None:
    """Ends this browser's session at the site, if it has one."""
    token = request.cookies.get(cookie_name(site), "")
    with database.writing() as connection:
        connection.execute("DELETE FROM site_sessions WHERE token_hash = ?", (_hash(token),))
    response.delete_cookie(cookie_name(site), httponly=True, samesite="Lax")


def end_named(database: Database, site: Site, *, sid: str | None, sub: str | None) -> int:
    """Ends the session with this `sid` at the provider or, without one, all of this `sub`.

    Returns how many ended.
    """
    name, value = ("sid", sid) if sid is not None else ("sub", sub)
    with database.writing() as connection:
        return connection.execute(
            "DELETE FROM site_sessions WHERE site = ? AND json_extract(data, ?) = ?",
            (site, f"$.{name}", value),
        ).rowcount


def remember_login(database: Database, data: dict[str, str]) -> str:
    """Begins a sign-in of this browser; returns the `state` to send along (RFC 6749 10.12)."""
    state = secrets.token_urlsafe(32)
    browser = session.setdefault("browser", secrets.token_urlsafe(16))
    LoginStates(database).put(state, browser, data, LOGIN_SECONDS)
    return state


def claim_login(database: Database, state: str) -> dict[str, str] | None:
    """What was remembered under the state, once, and only for the browser that began."""
    found: dict[str, str] | None = LoginStates(database).claim(state, session.get("browser", ""))
    return found


class LoginStates:
    """The table of sign-ins under way; also the cache that Authlib's client keeps its own in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, state: str, browser: str, data: object, seconds: float) -> None:
        """Stores, and forgets what is over or too much."""
        now = time.time()
        with self._database.writing() as connection:
            connection.execute("DELETE FROM login_states WHERE expires_at <= ?", (now,))
            connection.execute(
                "DELETE FROM login_states WHERE state IN (SELECT state FROM login_states "
                "ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
                (MAX_LOGINS - 1,),
            )
            connection.execute(
                "INSERT OR REPLACE INTO login_states (state, browser, data, expires_at) "
                "VALUES (?, ?, ?, ?)",
                (state, browser, json.dumps(data), now + seconds),
            )

    def claim(self, state: str, browser: str) -> Any:
        """Takes the data out, in one statement, so that two callbacks cannot both have it."""
        with self._database.writing() as connection:
            row = connection.execute(
                "DELETE FROM login_states WHERE state = ? AND browser = ? AND expires_at > ? "
                "RETURNING data",
                (state, browser, time.time()),
            ).fetchone()
        return None if row is None else json.loads(row["data"])

    # The three methods that Authlib's FrameworkIntegration calls; the browser's part of the
    # binding is in the signed cookie, which Authlib checks itself.

    def set(self, key: str, value: str, seconds: float) -> None:
        """Stores a sign-in of the conference site."""
        self.put(key, "", value, seconds)

    def get(self, key: str) -> Any:
        """The sign-in of the conference site, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT data FROM login_states WHERE state = ? AND browser = '' AND expires_at > ?",
                (key, time.time()),
            ).fetchone()
        return None if row is None else json.loads(row["data"])

    def delete(self, key: str) -> None:
        """Forgets a sign-in of the conference site."""
        self.claim(key, "")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
