"""How a database's columns are compared with the models'."""

from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.dialects.postgresql import JSONB


def compare_type(
    _context: Any, _inspected_column: Any, _column: Any, inspected: Any, modelled: Any
) -> bool | None:
    """JSON is JSONB on Postgres only, and SQLite says of neither more than a name."""
    if isinstance(modelled, JSON) and isinstance(inspected, JSON | JSONB):
        return False
    return None


# What migrations make and no model can say: indexes on expressions, which SQLite does not tell of,
# and its full-text index with the tables that it keeps itself in.
_BY_MIGRATION = (
    "ix_contact_people_by_",
    "ix_contact_companies_by_",
    "ix_contact_words",
    "contact_words",
)


def include_object(
    item: Any, name: str | None, kind: str, _reflected: bool, _compared: Any
) -> bool:
    """Whether something of the database is compared with the models at all."""
    by_migration = (name or "").startswith(_BY_MIGRATION)
    return not (by_migration and (isinstance(item, Index) or kind == "table"))
