"""The panel."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Give an app the panel."""
