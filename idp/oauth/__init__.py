"""The authorization server."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Give an app the authorization server's endpoints."""
