"""Clients as a table to export: what their staff may know, and no secret."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from idp import exporting
from idp.exporting import Cells, Table
from idp.oauth.clients import Client

_COLUMNS = (
    "client_id name template authentication redirect_uris post_logout_redirect_uris "
    "frontchannel_logout_uri backchannel_logout_uri scopes identifier_attribute pkce_required "
    "pushed_required consent_required restricted signing_algorithm access_token_format "
    "created_at last_used_at disabled_at"
).split()
_NAMES = {"client_id": "Client ID", "redirect_uris": "Redirect URIs", "pkce_required": "PKCE"}


def clients() -> Table:
    """Every client; several addresses are divided by spaces, which no address holds."""
    client = Client.__table__.c
    query = select(*(client[name] for name in _COLUMNS))
    header = [_NAMES.get(name, name.replace("_", " ").capitalize()) for name in _COLUMNS]
    return exporting.table("clients", header, query, client.id, _cells)


def _cells(rows: Sequence[Any]) -> Iterator[Cells]:
    for row in rows:
        yield [" ".join(cell) if isinstance(cell, list) else cell for cell in row[:-1]]
