"""Export of what the directory has: people, companies, groups, their members, custom fields.

Each is an ``idp.exporting.Table``. A file of people or of companies has every column that an
import takes, under the name that it knows it by, so that it can be changed in a spreadsheet and
imported again; what is told besides is in columns that an import leaves alone
(``importing.columns.TOLD_ONLY``).
"""

from idp.directory.exporting.contacts import companies, people
from idp.directory.exporting.fields import custom_fields
from idp.directory.exporting.groups import groups, members, past_members

__all__ = ["companies", "custom_fields", "groups", "members", "past_members", "people"]
