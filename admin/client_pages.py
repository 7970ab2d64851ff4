"""What the pages about one client have in common."""

from flask import abort

from idp.oauth import clients
from idp.oauth.clients import Client


def found(client_id: str) -> Client:
    """The client that an address names; 404 when there is none."""
    client = clients.find(client_id)
    if client is None:
        abort(404)
    return client
