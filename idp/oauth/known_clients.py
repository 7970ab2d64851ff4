"""Copies of clients that a process keeps, so that a sign-on costs one look at their version.

A change is noticed at once, in every process: each change of a client counts its version up, and
the version is read from the database every time.
"""

from flask import current_app, g
from sqlalchemy import bindparam, select

from idp.database import db
from idp.oauth import clients
from idp.oauth.clients import Client
from idp.prepared import Prepared

_EXTENSION = "tessera-known-clients"
_VERSION = Prepared(select(Client.version).where(Client.client_id == bindparam("client_id")))

ASKING_VERSION = (
    select(Client.version)
    .where(Client.client_id == bindparam("asking"))
    .scalar_subquery()
    .label("asking_version")
)
"""For a statement that a request needs in any case: the version of the client that it names, told
to ``note``, so that nobody has to ask for it."""


def find(client_id: str) -> Client | None:
    """The client with this id, in use or not: a copy to read, free of any transaction.

    Within one request it is the same copy. Its permitted groups are not part of it.
    """
    seen: dict[str, Client | None] = g.setdefault("oauth_clients", {})
    if client_id not in seen:
        seen[client_id] = _find(client_id)
    return seen[client_id]


def note(client_id: str, version: int | None) -> None:
    """The client's version as the request at hand has just read it, ``None`` for an unknown one."""
    g.setdefault("oauth_client_versions", {})[client_id] = version


def find_active(client_id: str) -> Client | None:
    """Like ``find``, but only a client in use."""
    client = find(client_id)
    return client if client is not None and client.active else None


def _find(client_id: str) -> Client | None:
    version = _version(client_id)
    if version is None:
        return None
    kept: dict[str, Client] = current_app.extensions.setdefault(_EXTENSION, {})
    client = kept.get(client_id)
    if client is None or client.version != version:
        client = clients.find(client_id)
        if client is None:
            return None
        db.session.expunge(client)
        kept[client_id] = client
    return client


def _version(client_id: str) -> int | None:
    noted: dict[str, int | None] = g.get("oauth_client_versions", {})
    if client_id in noted:
        return noted[client_id]
    row = _VERSION.row(client_id=client_id)
    return None if row is None else int(row.version)
