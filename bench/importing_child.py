"""One measured step of ``bench.importing``, in a process of its own, so that its memory is known.

``python -m bench.importing_child STEP FILE``: the deployment comes from the environment, what was
measured goes to standard output as JSON.
"""

import csv
import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Table, select

from idp.database import db
from idp.directory import importing
from idp.directory.importing.tables import ACCOUNTS, CONTACTS, VALUES
from idp.settings import Settings
from launch import schema
from wsgi import create_app

CHUNK = 1000
TARGET = "TESSERA_BENCH_TARGET"
"""The address of the database that the floor writes to, as the driver has it."""


def main() -> None:
    """Do the step and say what it took."""
    step, file = sys.argv[1], Path(sys.argv[2])
    steps: dict[str, Callable[[Path], dict[str, Any]]] = {
        "schema": _schema,
        "read": _read,
        "companies": lambda path: _import("companies", path),
        "people": lambda path: _import("people", path),
        "check": lambda path: _import("people", path, dry_run=True),
        "insert": _insert,
    }
    print(json.dumps(steps[step](file)))


def _measured(work: Callable[[], Any]) -> dict[str, Any]:
    before = _peak()
    start, own = time.perf_counter(), time.process_time()
    done = work()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - own,
        "before_mb": before,
        "peak_mb": _peak(),
        "done": done,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _schema(_file: Path) -> dict[str, Any]:
    app = create_app(Settings())
    with app.app_context():
        schema.upgrade()
        db.engine.dispose()
    return {}


def _read(file: Path) -> dict[str, Any]:
    def read() -> int:
        with file.open(encoding="utf-8", newline="") as opened:
            return sum(1 for _ in csv.reader(opened)) - 1

    return _measured(read)


def _import(kind: importing.Kind, file: Path, *, dry_run: bool = False) -> dict[str, Any]:
    app = create_app(Settings())
    with app.app_context():

        def run() -> dict[str, Any]:
            report = importing.run(kind, file, dry_run=dry_run)
            names = ("rows", "created", "updated", "unchanged", "refused_count")
            return {name: getattr(report, name) for name in names}

        measured = _measured(run)
        db.session.remove()
        db.engine.dispose()
    return measured


def _insert(_file: Path) -> dict[str, Any]:
    """The floor: the very rows of an imported database, by the fastest that the driver has."""
    app = create_app(Settings())
    seconds = own = 0.0
    with app.app_context(), closing(_target()) as target:
        for rows in _rows_of_chunks():
            start, began = time.perf_counter(), time.process_time()
            cursor = target.cursor()
            for table, found in rows:
                _put(cursor, table, found)
            target.commit()
            seconds += time.perf_counter() - start
            own += time.process_time() - began
        db.session.remove()
        db.engine.dispose()
    return {"seconds": seconds, "cpu": own}


def _target() -> Any:
    address = os.environ[TARGET]
    if address.startswith("postgres"):
        return psycopg.connect(address)
    target = sqlite3.connect(address)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        target.execute(f"PRAGMA {pragma}")
    target.execute("PRAGMA cache_size = -32768")
    return target


def _put(cursor: Any, table: Table, rows: list[tuple[Any, ...]]) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    if isinstance(cursor, psycopg.Cursor):
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        marks = ", ".join("?" for _ in table.columns)
        cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)


def _rows_of_chunks() -> Iterator[list[tuple[Table, list[tuple[Any, ...]]]]]:
    """Custom fields and companies first, which are not many, then people with what is theirs."""
    fields = db.metadata.tables["custom_field"], db.metadata.tables["custom_field_choice"]
    yield [(table, _found(table)) for table in fields]
    after = 0
    while True:
        ids = list(
            db.session.scalars(
                select(CONTACTS.c.id)
                .where(CONTACTS.c.id > after)
                .order_by(CONTACTS.c.id)
                .limit(CHUNK)
            )
        )
        if not ids:
            return
        after = ids[-1]
        yield [
            (CONTACTS, _found(CONTACTS, CONTACTS.c.id.in_(ids))),
            (ACCOUNTS, _found(ACCOUNTS, ACCOUNTS.c.person_id.in_(ids))),
            (VALUES, _found(VALUES, VALUES.c.contact_id.in_(ids))),
        ]


def _found(table: Table, *where: Any) -> list[tuple[Any, ...]]:
    # As the driver has them: what SQLAlchemy does to values is no part of the floor.
    statement = select(table).where(*where).order_by(*table.primary_key)
    compiled = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
    cursor = db.session.connection().exec_driver_sql(str(compiled).replace("%", "%%"))
    return [tuple(row) for row in cursor]


if __name__ == "__main__":
    main()
