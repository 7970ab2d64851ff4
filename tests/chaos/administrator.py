"""Whoever decides about the removals that the guard holds."""

import random

from sqlalchemy import delete, select

from idp.database import db
from idp.directory.importing.under_way import UnderWay
from sync.removals import held, verdicts


def decide(draw: random.Random) -> None:
    """Allow or refuse what is held of some group, by chance; part of the transaction at hand."""
    keys = _groups("held")
    if keys:
        decision = draw.choice([verdicts.allow, verdicts.allow, verdicts.refuse])
        decision(keys[int(draw.random() * len(keys))])


def allow_everything() -> bool:
    """Allow what is held and lift what was refused; says whether anything was kept back. Commits.

    Of an import that the database was cut off from nothing is waited for any more: its time would
    be up in two minutes.
    """
    db.session.rollback()
    db.session.execute(delete(UnderWay))
    kept = {standing: _groups(standing) for standing in held.KEPT}
    for key in kept["held"]:
        verdicts.allow(key)
    for key in kept["refused"]:
        verdicts.lift(key)
    db.session.commit()
    return any(kept.values())


def _groups(standing: held.Standing) -> list[str]:
    """The groups of which something stands so, by key."""
    query = select(held.row.group_key).where(held.row.standing == standing).distinct()
    return sorted(db.session.scalars(query))
