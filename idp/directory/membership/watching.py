"""What each write of the directory means for memberships, and for who is told of it."""

from typing import Any

from sqlalchemy import inspect, select

from idp.association import Association
from idp.directory import changes
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person
from idp.directory.fields import Choice, CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import catalogue
from idp.directory.membership.days import look_again
from idp.directory.membership.model import Addition, Exclusion, contact_ids_of
from idp.directory.membership.setwise import refresh_group


def _contact_written(row: Contact, deleted: bool) -> None:
    if deleted:
        return
    changes.announce([row.id])
    if isinstance(row, Company) and _changed(row, "name"):
        # The company's name travels in the records of its people.
        changes.later(
            ("people of", row.id),
            lambda: changes.announce(select(Person.id).where(Person.company_id == row.id)),
        )


def _account_written(row: Account, deleted: bool) -> None:
    if deleted or _changed(row, "deactivated_at", "person_id") or _got_password(row):
        changes.announce([row.person_id])


def _got_password(row: Account) -> bool:
    # Conditions tell who is invited from who has chosen one; another one is nothing to tell.
    history = inspect(row).attrs.password_hash.history
    return history.has_changes() and not (any(history.deleted or ()) and row.password_hash)


def _association_written(row: Association, _deleted: bool) -> None:
    if _changed(row, "time_zone"):
        look_again()


def _value_written(row: FieldValue, _deleted: bool) -> None:
    changes.announce([row.contact_id])


def _field_written(row: CustomField | Choice, deleted: bool) -> None:
    catalogue.changed()
    field_id = row.id if isinstance(row, CustomField) else row.field_id
    if not deleted and _changed(row, "sync", "label"):
        changes.later(
            ("values of", field_id),
            lambda: changes.announce(
                select(FieldValue.contact_id).where(FieldValue.field_id == field_id).distinct()
            ),
        )


def _declared(row: Addition | Exclusion, _deleted: bool) -> None:
    changes.follow([row.contact_id])


def _group_written(row: Group, deleted: bool) -> None:
    if deleted or _changed(row, "key", "condition", "selects", "sync"):
        catalogue.changed()
    if deleted:
        return
    group_id = row.id
    if _changed(row, "condition", "selects"):
        changes.later(("members of", group_id), lambda: refresh_group(group_id))
    if _changed(row, "sync") or (row.sync and _changed(row, "name", "type", "community_type")):
        # The group's name and type travel in every member's record.
        changes.later(("record of", group_id), lambda: changes.announce(contact_ids_of(group_id)))


def _changed(row: Any, *names: str) -> bool:
    attributes = inspect(row).attrs
    return any(attributes[name].history.has_changes() for name in names if name in attributes)


changes.watch(Association, _association_written)
changes.watch(Contact, _contact_written)
changes.watch(Account, _account_written)
changes.watch(FieldValue, _value_written)
changes.watch(CustomField, _field_written)
changes.watch(Choice, _field_written)
changes.watch(Group, _group_written)
changes.watch(Addition, _declared)
changes.watch(Exclusion, _declared)
