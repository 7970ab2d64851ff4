"""The upload of an import's file: bounded, looked at, and kept only when it can be read."""

import tempfile
from pathlib import Path

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import RadioField
from wtforms.fields import SelectChoice

from admin.access import signed_in
from idp.database import db
from idp.directory import import_runs
from idp.directory.import_runs import ImportRun, files
from idp.directory.importing import ImportFailed, Kind

KINDS = {"people": "People", "companies": "Companies"}
ENDINGS = (".csv", ".tsv", ".txt", ".xlsx")
LARGEST = f"{files.LARGEST // 1024**2} MB"
TOO_LARGE = (
    f"A file may have at most {LARGEST}. Leave out the columns that you do not need, or split it "
    "into several files."
)


class UploadForm(FlaskForm):  # type: ignore[misc]
    """A file of people or of companies."""

    kind = RadioField("What is in the file", choices=[SelectChoice(*one) for one in KINDS.items()])
    file = FileField("File", render_kw={"accept": ",".join(ENDINGS)})


class _Refused(Exception):
    """A file that is not taken; the text says why."""


def uploaded(form: UploadForm) -> ImportRun | None:
    """The run that is made of the form's file; without one, what is wrong is said at the field."""
    given: FileStorage | None = form.file.data or None
    try:
        if given is None or not given.filename:
            raise _Refused("Choose a file.")
        return _taken(form.kind.data, given, _name(given.filename))
    except _Refused as refused:
        form.file.errors = [str(refused)]
        return None


def _name(given: str) -> str:
    """A file's name without folders. Raises ``_Refused`` when it is of a kind that is not read."""
    name = "".join(one for one in given.replace("\\", "/").rpartition("/")[2] if one.isprintable())
    ending = Path(name).suffix.lower()
    if ending in {".xls", ".ods", ".numbers"}:
        raise _Refused(f"A file {ending} cannot be read: save it as .xlsx or as CSV first.")
    if ending not in ENDINGS:
        raise _Refused("Choose a CSV file (.csv) or an Excel file (.xlsx).")
    return name


def _taken(kind: Kind, given: FileStorage, name: str) -> ImportRun:
    asked_by = signed_in().person.email
    db.session.rollback()  # nobody waits while the file is looked at
    with tempfile.TemporaryDirectory(prefix="tessera-upload-") as folder:
        path = Path(folder) / f"file{Path(name).suffix.lower()}"
        given.save(path)
        if not path.stat().st_size:
            raise _Refused("This file is empty.")
        try:
            return import_runs.make(kind, path, name, asked_by)
        except ImportFailed as error:
            raise _Refused(str(error).replace(path.name, name)) from None
