"""Whom an edit of a group concerns: who joins, leaves, changes or stays, and who of them syncs."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, case, true

from idp.directory import difference
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.difference import Edited
from sync import scope
from sync.records import deactivated

Who = Literal["join", "leave", "change", "left_out", "shared", "members"]
LISTS: tuple[Who, ...] = ("join", "leave", "change", "left_out", "shared", "members")
"""The lists of names that a preview has.

``left_out`` has the members who would not reach Higher Logic; ``shared`` those who would, but
share their e-mail address with another who does (Y16); ``members`` everybody.
"""


def concerned(
    edited: Edited,
    policy: str,
    *,
    shares: ColumnElement[bool] | None = None,
    among: ColumnElement[bool] | None = None,
) -> Any:
    """Each contact concerned: ``contact_id``, ``movement``, ``reason`` and ``shared`` (0 or 1).

    ``shares`` is whether they share their address, where that is known; ``among`` leaves others
    out.
    """
    contact, account = Contact.__table__, Account.__table__.alias("theirs")
    known = scope.shares_address(contact) if shares is None else shares
    return (
        difference.of(edited)
        .add_columns(
            deactivated.reason(contact, account, policy, known).label("reason"),
            case((known, 1), else_=0).label("shared"),
        )
        .outerjoin(account, account.c.person_id == contact.c.id)
        .where(true() if among is None else among)
        .subquery("concerned")
    )
