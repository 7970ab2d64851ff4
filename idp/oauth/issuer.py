"""The issuer: the name under which other sites know this server."""

from flask import current_app, url_for

from idp.settings import Settings


def issuer() -> str:
    """The issuer identifier, without a trailing slash (RFC 8414, 2; RFC 9207, 2)."""
    settings: Settings = current_app.config["TESSERA"]
    return settings.issuer


def address(endpoint: str) -> str:
    """The public address of one of our endpoints.

    Made from the setting, never from the request's Host header, which anybody can write.
    """
    return issuer() + url_for(endpoint, _external=False)
