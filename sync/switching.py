"""What switching a group's sync would have Higher Logic told, in numbers, before anybody does it.

Asked by the same rule as a preview and as a real run, so what is promised is what is sent.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, false, func, select

from idp.database import db
from idp.directory.difference import Edited
from idp.directory.groups import Group
from idp.directory.membership import contact_ids_of
from sync import connection, ledger, preview, scope
from sync.records import deactivated


@dataclass(frozen=True)
class Told:
    """Members of whom Higher Logic is told as long as the sync is on, by kind; ``unheard`` of them
    it has accepted nothing of yet, so they are new records there."""

    people: int
    companies: int
    unheard: int

    @property
    def number(self) -> int:
        """People and companies together."""
        return self.people + self.companies


def of_edited(edited: Edited) -> Told:
    """Count them, of a group as it would be. Two statements."""
    rows = preview.concerned(edited, connection.get().deactivated, shares=false())
    will = select(rows.c.contact_id).where(and_(rows.c.movement != "leave", rows.c.reason == ""))
    return _counted(will)


def of_group(group: Group) -> Told:
    """Count them, of a group as it is now, whether its condition can be read or not."""
    contact = scope.contacts("member")
    reaches = deactivated.reaches_groups(contact, connection.get().deactivated)
    return _counted(select(contact.c.id).where(contact.c.id.in_(contact_ids_of(group.id)), reaches))


def _counted(contact_ids: Select[Any]) -> Told:
    contact, row = scope.contacts("counted"), ledger.table.c
    there = row.accepted_at.is_not(None).label("there")
    found = db.session.execute(
        select(contact.c.kind, there, func.count().label("number"))
        .select_from(contact)
        .outerjoin(ledger.table, row.contact_id == contact.c.id)
        .where(contact.c.id.in_(contact_ids))
        .group_by(contact.c.kind, there)
    ).all()
    return Told(
        people=sum(one.number for one in found if one.kind == "person"),
        companies=sum(one.number for one in found if one.kind == "company"),
        unheard=sum(one.number for one in found if not one.there),
    )
