"""What Higher Logic is told."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Have the feed follow the directory."""
