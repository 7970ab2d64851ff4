"""Custom fields, with a row for each of their choices."""

from sqlalchemy import BigInteger, cast, func, select

from idp import exporting
from idp.directory.fields import Choice, CustomField
from idp.exporting import Table

# A field's rows stand together: no id of a choice reaches this far.
_WIDTH = 2**32


def custom_fields() -> Table:
    """Every custom field; one without choices has a row of its own."""
    field, choice = CustomField.__table__.c, Choice.__table__.c
    query = select(
        *(field.key, field.label, field.kind, field.applies_to, field.in_members_section),
        *(field.sync, field.member_may_edit, field.position),
        choice.key.label("choice_key"),
        *(choice.label.label("choice_label"), choice.retired),
    ).select_from(CustomField.__table__)
    query = query.outerjoin(Choice.__table__, choice.field_id == field.id)
    header = [
        *("Key", "Name", "Kind", "Kept of", "Shown in Members section", "Sync"),
        *("Members may edit", "Position", "Choice key", "Choice", "Choice retired"),
    ]
    place = cast(field.id, BigInteger) * _WIDTH + func.coalesce(choice.id, 0)
    return exporting.table("fields", header, query, place, lambda rows: [row[:-1] for row in rows])
