"""Whether an import is being written: each of its chunks is kept by itself, so whoever judges what
it does as a whole waits for its end (the sync's removal guard).

An import that ended in the middle, whose process was killed or whose database went away, counts
until its time is up: by then somebody has taken it up again, or nobody does.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import String, delete, exists, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import owners
from idp.database import Base, UTCDateTime, db, now

# Longer than one chunk takes, with the statistics that are made anew after it.
TIME = dt.timedelta(minutes=2)
FORGOTTEN = dt.timedelta(days=1)


class UnderWay(Base):
    """An import that is being written, by its owner (``idp.owners``), counts until a moment."""

    __tablename__ = "import_under_way"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[dt.datetime] = mapped_column(UTCDateTime)


def any_import() -> bool:
    """Whether an import is being written just now."""
    return bool(db.session.scalar(select(exists().where(UnderWay.until > now()))))


@contextmanager
def noted() -> Iterator[Callable[[], None]]:
    """An import is being written in this block; what it gives says so anew, in the transaction at
    hand, and is called with every chunk. Commits before and after."""
    owner = owners.new()
    db.session.execute(delete(UnderWay).where(UnderWay.until <= now() - FORGOTTEN))
    db.session.execute(insert(UnderWay).values(owner=owner, until=now() + TIME))
    db.session.commit()
    yield lambda: _prolong(owner)
    db.session.execute(delete(UnderWay).where(UnderWay.owner == owner))
    db.session.commit()


def _prolong(owner: str) -> None:
    db.session.execute(update(UnderWay).where(UnderWay.owner == owner).values(until=now() + TIME))
