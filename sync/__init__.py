"""What Higher Logic is told.

``ledger`` keeps, per contact, what Higher Logic should have and what it has; ``jobs`` and
``clock`` see to it that the second follows the first. ``scope`` says whom the feed is about,
``feed`` what is said of them, ``wire`` how, ``transport`` over what.
"""

from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from idp.directory import changes
from idp.oauth import arrivals
from sync import first_sign_in
from sync.jobs import wake_if_noted
from sync.noting import note
from sync.standing import metrics
from sync.standing.alerts import SyncAlert  # noqa: F401 - its tables are in use by the clock alone

__all__ = ["init_app"]


def init_app(app: Flask) -> None:
    """Have the feed follow the directory and who signs in at Higher Logic, which changes nothing
    when it is done again, and give an app what it needs for that and for whoever watches it."""
    metrics.init_app(app)
    first_sign_in.init_app(app)
    changes.listen(note)
    arrivals.listen(first_sign_in.push_first)
    # Of every commit, not of announced changes alone: a resend or a mended key wakes the sync too.
    if not event.contains(Session, "after_commit", wake_if_noted):
        event.listen(Session, "after_commit", wake_if_noted)
