"""Many new rows in one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert, Table, bindparam, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from idp.database import db


def insert_rows(table: Table, rows: Sequence[dict[str, Any]], **shared: Any) -> None:
    """Insert rows that have the same columns, and ``shared`` values that all of them have.

    On Postgres as one array for each column: a row for itself is a statement of its own there,
    which takes the server as long again as keeping the row.
    """
    if not rows:
        return
    if db.engine.dialect.name == "postgresql":
        arrays = {f"each_{name}": [row[name] for row in rows] for name in rows[0]}
        db.session.execute(_from_arrays(table, list(rows[0]), shared), arrays)
    else:
        db.session.execute(insert(table), [shared | row for row in rows])


def _from_arrays(table: Table, names: Sequence[str], shared: dict[str, Any]) -> Insert:
    arrays = (
        func.unnest(bindparam(f"each_{name}", type_=ARRAY(table.c[name].type))) for name in names
    )
    same = (literal(value, type_=table.c[name].type) for name, value in shared.items())
    return insert(table).from_select([*names, *shared], select(*arrays, *same))
