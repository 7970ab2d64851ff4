"""New signing keys on schedule: the clock's part of ``keys``."""

import datetime as dt

import structlog
from flask import current_app
from sqlalchemy import select

from idp.database import db, now, reading
from idp.oauth import keys
from idp.oauth.keys import SigningKey
from idp.settings import Settings

log = structlog.get_logger()


def tick() -> bool:
    """Rotate the keys when they have signed for as long as the setting says; says whether it did.

    Of several clocks one does it: who comes second sees that the keys are new, or is told so.
    """
    settings: Settings = current_app.config["TESSERA"]
    if settings.key_rotation_days == 0:
        return False
    longest = dt.timedelta(days=settings.key_rotation_days)
    with reading():
        due = _due(longest)
        db.session.rollback()
    if not due:
        return False
    # Whoever rotates holds the row of the key that signs: asked again once it is ours.
    signing = select(SigningKey.id).where(
        SigningKey.is_current.is_(True), SigningKey.alg == keys.ALGORITHM
    )
    db.session.execute(signing.with_for_update())
    try:
        kid = keys.rotate() if _due(longest) else None
        db.session.commit()
    except keys.RotationBusy:
        kid = None
        db.session.rollback()
    if kid is None:
        return False
    log.info("signing keys rotated on schedule", kid=kid, days=settings.key_rotation_days)
    return True


def _due(longest: dt.timedelta) -> bool:
    since = keys.current_since()
    return since is not None and since <= now() - longest
