"""The tables that an import reads and writes by statements over many rows."""

from typing import cast

from sqlalchemy import Table

from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.fields import FieldValue

CONTACTS = cast(Table, Contact.__table__)
ACCOUNTS = cast(Table, Account.__table__)
VALUES = cast(Table, FieldValue.__table__)

VALUE_COLUMNS = [one.name for one in VALUES.c if one.name not in ("id", "contact_id", "field_id")]
"""The typed columns of a custom field's value."""
