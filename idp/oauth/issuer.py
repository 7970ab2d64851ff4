"""The issuer: the name under which other sites know this server."""

from flask import current_app

from idp.settings import Settings


def issuer() -> str:
    """The issuer identifier, without a trailing slash (RFC 8414, 2; RFC 9207, 2)."""
    settings: Settings = current_app.config["TESSERA"]
    return settings.issuer


def address(endpoint: str) -> str:
    """The public address of one of our endpoints.

    Made from the setting, never from the request's Host header, which anybody can write; so it
    is the same on the command line and in a job.
    """
    return issuer() + current_app.url_map.bind("").build(endpoint)
