"""The refused rows of an import as a CSV file."""

import csv
import io
import re
from collections.abc import Iterator

from flask import Response
from sqlalchemy import case, select

from idp.database import db
from idp.directory.import_runs import ImportRefusal, ImportRun
from idp.directory.importing import formulas

HEADER = ("Row", "Column", "Value", "Taken", "Reason", "What is to be said")


def download(run: ImportRun) -> Response:
    """The rows that a run did not take, with what is wrong with each."""
    rows = db.session.execute(
        select(
            ImportRefusal.row,
            ImportRefusal.column,
            ImportRefusal.value,
            case((ImportRefusal.taken, "yes"), else_="no"),
            ImportRefusal.reason,
            ImportRefusal.message,
        )
        .where(ImportRefusal.run_id == run.id)
        .order_by(ImportRefusal.row, ImportRefusal.id)
    ).all()
    answer = Response(_lines([HEADER, *map(tuple, rows)]), mimetype="text/csv")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", run.file_name.rpartition(".")[0])[:80].strip("-.")
    answer.headers.set(
        "Content-Disposition", "attachment", filename=f"{name or run.kind}-refused.csv"
    )
    return answer


def _lines(rows: list[tuple[object, ...]]) -> Iterator[str]:
    # With the mark, Excel reads UTF-8.
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([formulas.safe(str(cell)) for cell in row])
        yield line.getvalue()
