"""Two lanes: what somebody waits for, and what is many.

An announcement of few contacts is *live*, one of many *bulk*: a first sync, a reconcile, a chunk of
an import. Live contacts are claimed first, and a bulk run looks for them between two pushes, so
that a first sync of 100,000 delays a change by one request at the most (Y25).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case

from idp.database import db
from idp.directory import changes

LIVE, BULK = 0, 1
LANES = (LIVE, BULK)
# As many as one push takes by default.
FEW = 100


def of_announced(contacts: changes.Ids) -> tuple[changes.Ids, int]:
    """The lane of an announcement, and the announcement: a SELECT of few becomes their ids."""
    if isinstance(contacts, Select):
        # Asked for no more than shows that they are many.
        ids: Sequence[int] = db.session.scalars(contacts.distinct().limit(FEW + 1)).all()
        if len(ids) > FEW:
            return contacts, BULK
        contacts = sorted(ids)
    return contacts, BULK if len(contacts) > FEW or changes.of_many() else LIVE


def kept(row: Any, lane: Any) -> ColumnElement[int]:
    """The lane of a row of the ledger that is announced in ``lane``: what is pending in the live
    one stays there."""
    return case((and_(row.lane == LIVE, row.wanted > row.accepted), LIVE), else_=lane)
