"""Export of what the directory has: people, companies, fields, groups, their members, imports.

Each is an ``idp.exporting.Table``. A file of people or of companies has every column that an
import takes, under the name that it knows it by, so that it can be changed in a spreadsheet and
imported again; what is told besides is in columns that an import leaves alone
(``importing.columns.TOLD_ONLY``).
"""

from idp.directory.exporting.contacts import companies, people
from idp.directory.exporting.fields import custom_fields
from idp.directory.exporting.groups import (
    added_members,
    groups,
    members,
    past_members,
    shut_out_members,
)
from idp.directory.exporting.imports import imports

__all__ = [
    "added_members",
    "companies",
    "custom_fields",
    "groups",
    "imports",
    "members",
    "past_members",
    "people",
    "shut_out_members",
]
