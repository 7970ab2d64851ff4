"""Deleting a group, with its memberships and their history."""

from sqlalchemy import func, select

from idp import audit
from idp.database import db
from idp.directory import changes, groups
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group, facts, switch_sync
from idp.directory.membership import Addition, Exclusion, catalogue


def delete(group: Group, *, take_out: bool = False) -> None:
    """Delete a group, its memberships and their history, when the transaction is kept.

    ``take_out`` says that a synced group's members are to be taken out at Higher Logic: without it
    ``InvalidValue`` is raised while the sync is on, so that what it does there was decided.
    """
    # As it is now: somebody else may just have switched its sync on.
    groups.hold(group.id)
    if group.sync and not take_out:
        raise InvalidValue(
            "sync", "group_is_synced", "Switch the sync off before you delete the group."
        )
    audit.record(
        audit.Event.GROUP_DELETED,
        group.key,
        name=group.name,
        taken_out=group.sync,
        changed={name: [value, None] for name, value in facts(group).items()},
    )
    switch_sync(group, False)
    db.session.flush()
    _hold_what_goes(group)
    # In turn with changes of contacts, which could be about to join; and after the members were
    # announced, whom nothing names afterwards.
    changes.later(("delete", group.id), lambda: _delete(group))


def _hold_what_goes(group: Group) -> None:
    """Before the turn is taken: whoever has some of it, or the catalogue's version for having saved
    another group, may wait for the turn."""
    catalogue.changed()
    for model in (Addition, Exclusion):
        row = model.__table__.c
        rows = select(row.id).where(row.group_id == group.id).order_by(row.id).with_for_update()
        db.session.execute(select(func.count()).select_from(rows.subquery()))


def _delete(group: Group) -> None:
    db.session.delete(group)
    db.session.flush()
