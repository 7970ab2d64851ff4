"""How a database's columns are compared with the models'."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.dialects.postgresql import JSONB


def compare_type(
    _context: Any, _inspected_column: Any, _column: Any, inspected: Any, modelled: Any
) -> bool | None:
    """JSON is JSONB on Postgres only, and SQLite says of neither more than a name."""
    if isinstance(modelled, JSON) and isinstance(inspected, JSON | JSONB):
        return False
    return None
