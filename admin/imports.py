"""Imports: a file is uploaded, its columns are matched, it is checked, and a worker imports it."""

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from admin import exports, import_columns, import_report, import_words
from admin.access import PanelView, may, may_send, page
from admin.import_upload import KINDS, LARGEST, TOO_LARGE, UploadForm, uploaded
from admin.lists import page_of
from idp.database import db
from idp.directory import exporting, import_runs
from idp.directory.contacts import InvalidValue
from idp.directory.import_runs import Choices, ImportRefusal, ImportRun, NotNow, files
from idp.directory.import_runs.files import FileGone
from idp.directory.import_runs.runs import WAITING
from idp.directory.importing import ImportFailed
from idp.web import takes_a_file

FIRST_REFUSALS = 20


class ImportsView(PanelView):
    """`/panel/imports/`."""

    @page("/")
    def index(self) -> str:
        """The imports there were, newest first."""
        query = select(ImportRun).where(ImportRun.digest != "").order_by(ImportRun.id.desc())
        return self.render(
            "panel/imports.html", listing=page_of(query), kinds=KINDS, states=import_words.STATES
        )

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The imports there were, as a file."""
        return exports.download(exporting.imports())

    @page("/new", methods=("GET", "POST"), get="change")
    @takes_a_file(files.LARGEST, may=may_send)
    def new(self) -> Any:
        """Upload a file."""
        form = UploadForm(data={"kind": request.args.get("kind", "people")})
        if form.validate_on_submit() and (run := uploaded(form)):
            return redirect(url_for("panel_imports.run", key=run.key), 303)
        return self.render(
            "panel/import_new.html",
            form=form,
            largest=files.LARGEST,
            largest_words=LARGEST,
            too_large=TOO_LARGE,
        )

    @page("/<key:key>")
    def run(self, key: str) -> Any:
        """An import as it stands."""
        run = _known(key)
        if run.state == "uploaded" and may("panel_imports.columns"):
            return redirect(url_for("panel_imports.columns", key=key))
        return self.render("panel/import.html", **_standing(run))

    @page("/<key:key>/columns", methods=("GET", "POST"), get="change")
    def columns(self, key: str) -> Any:
        """Say what each column is, and have the file checked."""
        run = _known(key)
        if run.state not in WAITING:
            return redirect(url_for("panel_imports.run", key=key), 303)
        choices = Choices.from_json(run.choices)
        problems: dict[str, str] = {}
        if request.method == "POST":
            choices, problems, over = _chosen(run, request.form)
            if over:
                return redirect(url_for(f"panel_imports.{over}", key=key), 303)
        values = import_columns.page(run, choices, problems)
        return self.render("panel/import_columns.html", run=run, kinds=KINDS, **values)

    @page("/<key:key>/progress")
    def progress(self, key: str) -> str:
        """The part of the page that changes while a worker is at it."""
        return render_template("panel/import_standing.html", **_standing(_known(key)))

    @page("/<key:key>/refused.csv")
    def refused(self, key: str) -> Response:
        """The refused rows as a file for a spreadsheet."""
        return import_report.download(_known(key))

    @page("/<key:key>/start", methods=("POST",))
    def start(self, key: str) -> Any:
        """Have the checked file imported."""
        return _asked(key, import_runs.start)

    @page("/<key:key>/allow", methods=("POST",))
    def allow(self, key: str) -> Any:
        """Let the import take away what it asked about."""
        return _asked(key, import_runs.allow)

    @page("/<key:key>/cancel", methods=("POST",))
    def cancel(self, key: str) -> Any:
        """Stop it."""
        return _asked(key, import_runs.cancel)


def _known(key: str) -> ImportRun:
    run = import_runs.find(key)
    if run is None or not run.digest:
        abort(404)
    return run


def _chosen(run: ImportRun, form: MultiDict[str, str]) -> tuple[Choices, dict[str, str], str]:
    """Do what the page of columns asks; gives the choices, what is wrong with them, and which
    page comes next (none: this one, which says what is wrong)."""
    choices = Choices.from_json(run.choices)
    try:
        if "read" in form:
            import_runs.read_anew(run, import_columns.reading(form))
            return choices, {}, "columns"
        if "apply" in form:
            import_runs.choose(run, import_columns.with_kept(run, form.get("kept", "")))
            return choices, {}, "columns"
        choices = import_columns.from_form(run, form)
        problems = import_columns.problems(choices)
        if problems:
            db.session.rollback()
            return choices, problems, ""
        if name := form.get("keep_as", "").strip():
            choices = import_columns.keep(choices, name)
        import_runs.choose(run, choices)
        import_runs.check(run)
    except (InvalidValue, ImportFailed, FileGone) as error:
        db.session.rollback()
        return choices, {"": str(error)}, ""
    except NotNow as error:
        db.session.rollback()
        flash(str(error), "danger")
    return choices, {}, "run"


def _asked(key: str, ask: Any) -> Response:
    run = _known(key)
    try:
        ask(run)
    except NotNow as error:
        db.session.rollback()
        flash(str(error), "danger")
    return redirect(url_for("panel_imports.run", key=key), 303)


def _standing(run: ImportRun) -> dict[str, Any]:
    """What the page says of a run: itself, its progress in words, its first findings."""
    progress = import_words.progress_of(run)
    result = run.state in {"checked", "asking", "done"} or (
        run.state == "cancelled" and run.rows_done > 0
    )
    return {
        "run": run,
        "result": result and run.counts is not None,
        "kinds": KINDS,
        "size": import_words.size(run),
        "progress": progress,
        "headline": import_words.headline(run, progress),
        "text": import_words.text(run),
        "colour": import_words.colour(run),
        "losses": import_words.losses(run),
        "refusals": _first(run, taken=False),
        "remarks": _first(run, taken=True),
        "kept": db.session.scalar(
            select(func.count()).select_from(ImportRefusal).where(ImportRefusal.run_id == run.id)
        ),
    }


def _first(run: ImportRun, *, taken: bool) -> Sequence[ImportRefusal]:
    query = (
        select(ImportRefusal)
        .where(ImportRefusal.run_id == run.id, ImportRefusal.taken == taken)
        .order_by(ImportRefusal.row, ImportRefusal.id)
        .limit(FIRST_REFUSALS)
    )
    return db.session.scalars(query).all()
