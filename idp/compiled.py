"""Statements that are compiled once: what runs with every request or every change of a contact.

They are said as SQLAlchemy statements, so that tables, names, types and both databases' words are
the models'; only their execution is short. ``prepared`` runs them on connections of its own,
``InSession`` in the transaction of the session.
"""

import copy
import json
from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

from psycopg import RawCursor
from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    String,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

from idp.database import db

Processor = Callable[[Any], Any]
# The name by which ``any_of`` is given the numbers that a statement is about.
_IDS = "ids"


class Compiled:
    """A statement in the words of one database, and what turns values into its own and back."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        if compiled.prefetch:
            made = ", ".join(column.name for column in compiled.prefetch)
            raise TypeError(f"what the model makes by itself is given to a prepared one: {made}")
        needed = [name for name, bind in compiled.binds.items() if bind.required]
        state = compiled.construct_expanded_state(dict.fromkeys(needed))
        self.sql: str = state.statement
        self.binders: list[tuple[str, Processor | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in needed
        ]
        # What the statement itself holds, such as the kind of a contact, never changes.
        self.constants: dict[str, Any] = {
            name: state.processors[name](value) if name in state.processors else value
            for name, value in state.parameters.items()
            if name not in needed
        }
        self.order: tuple[str, ...] | None = state.positiontup and tuple(state.positiontup)
        columns = list(getattr(statement, "exported_columns", ()))
        self.row_type: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        self.readers: list[tuple[int, Processor]] = [
            (place, processor)
            for place, column in enumerate(columns)
            if (processor := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def values(self, given: dict[str, Any]) -> Any:
        """The values as the driver takes them. Raises ``KeyError`` for one that is missing."""
        bound = self.constants.copy()
        for name, processor in self.binders:
            value = given[name]
            bound[name] = value if processor is None else processor(value)
        return bound if self.order is None else [bound[name] for name in self.order]

    def many(self, rows: Iterable[dict[str, Any]], given: dict[str, Any]) -> list[Any]:
        """``values`` for several rows; what is ``given`` is every row's, and turned once."""
        bound = self.constants.copy()
        own = []
        for name, processor in self.binders:
            if name in given:
                bound[name] = given[name] if processor is None else processor(given[name])
            else:
                own.append((name, processor))
        found = []
        for row in rows:
            for name, processor in own:
                bound[name] = row[name] if processor is None else processor(row[name])
            found.append(
                bound.copy() if self.order is None else tuple(bound[name] for name in self.order)
            )
        return found

    def row(self, found: Any) -> Any:
        """What the driver found, as a named tuple of the models' types."""
        values = list(found)
        for place, processor in self.readers:
            values[place] = processor(values[place])
        return self.row_type._make(values)


class InSession:
    """A statement that is compiled once for each kind of database and run by the session.

    ``build`` makes it, in the words of a dialect where that matters. The values of its
    ``bindparam`` are given by name at each call. What the session has not flushed yet it does not
    see.

    On Postgres it goes to the driver with ``$1`` for its values: psycopg would take the text of a
    long statement apart anew each time it is run (it keeps those of up to 4,096 characters). And
    one number in the place of ``any_of`` has a statement of its own, ``= $1``: for an array whose
    length it does not know Postgres plans each time anew, which takes longer than the answer.
    """

    def __init__(self, build: Callable[[Dialect], Executable]) -> None:
        self._build = build
        self._compiled: dict[tuple[str, bool], Compiled] = {}

    def rows(self, **given: Any) -> list[Any]:
        """Every row that it finds, as named tuples of the models' types."""
        ready, result = self._run(given)
        return [ready.row(found) for found in result]

    def raw(self, **given: Any) -> list[Any]:
        """Every row that it finds, as the driver gives it: a truth may be 0 or 1."""
        found: list[Any] = self._run(given)[1].fetchall()
        return found

    def row(self, **given: Any) -> Any:
        """The one row that it finds, or ``None``."""
        ready, result = self._run(given)
        found = result.fetchone()
        return None if found is None else ready.row(found)

    def run(self, **given: Any) -> int:
        """Write; gives how many rows that was."""
        return int(self._run(given)[1].rowcount)

    def run_many(self, rows: Iterable[dict[str, Any]], **given: Any) -> None:
        """Write several rows at once; what is ``given`` is every row's."""
        ready = self._ready(given)
        self._hand_over(ready, ready.many(rows, given))

    def _run(self, given: dict[str, Any]) -> tuple["Compiled", Any]:
        ready = self._ready(given)
        values = ready.values(given)
        return ready, self._hand_over(ready, values if isinstance(values, dict) else tuple(values))

    def _ready(self, given: dict[str, Any]) -> "Compiled":
        dialect = db.session.connection().dialect
        postgres = dialect.name == "postgresql"
        one = postgres and len(given.get(_IDS, ())) == 1
        ready = self._compiled.get((dialect.name, one))
        if ready is None:
            words = _with_dollars(dialect, one_id=one) if postgres else dialect
            ready = Compiled(self._build(words), words)
            self._compiled[dialect.name, one] = ready
        return ready

    def _hand_over(self, ready: "Compiled", values: Any) -> Any:
        connection = db.session.connection()
        if connection.dialect.name != "postgresql":
            return connection.exec_driver_sql(ready.sql, values)
        driver: Any = connection.connection.driver_connection
        usual, driver.cursor_factory = driver.cursor_factory, RawCursor
        try:
            return connection.exec_driver_sql(ready.sql, values)
        finally:
            driver.cursor_factory = usual


def _with_dollars(dialect: Dialect, *, one_id: bool) -> Any:
    """The dialect with ``$1`` for the values; ``one_id`` is for ``any_of`` to read."""
    words: Any = copy.copy(dialect)
    words.paramstyle, words.positional = "numeric_dollar", True
    words.identifier_preparer = words.preparer(words)  # it doubles % where that is no value's
    words.one_id = one_id
    return words


class Ids(TypeDecorator[Any]):
    """Whole numbers as one value, so that a statement is the same for any number of them."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """An array on Postgres; SQLite reads JSON."""
        kind: Any = ARRAY(Integer) if dialect.name == "postgresql" else String()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """A list for Postgres, JSON for SQLite."""
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class OneId(TypeDecorator[Any]):
    """The only one of some whole numbers."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> int:
        """The number itself."""
        (number,) = value
        return int(number)


def any_of(column: ColumnElement[int], name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Whether a column is one of the numbers that are given by this name."""
    if name == _IDS and getattr(dialect, "one_id", False):
        return column == bindparam(name, type_=OneId)
    given: Any = bindparam(name, type_=Ids)
    if dialect.name == "postgresql":
        return column == any_(given)
    return column.in_(select(func.json_each(given).table_valued("value").c.value))
