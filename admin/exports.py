"""Lists as files: what a list shows, all of it, as CSV. Asked for by a form, since it is noted."""

from collections.abc import Iterator
from typing import Any

import structlog
from flask import Response, stream_with_context

from admin import lists
from idp import audit, exporting
from idp.association import get
from idp.database import db, now
from idp.directory.fields import slug
from idp.exporting import Table

log = structlog.get_logger()


def download(
    exported: Table, subject: str = "", *, searched: dict[str, str] | None = None
) -> Response:
    """The file of a table, written while it is sent; who took what, and how many rows, is noted
    before the first of them leaves. ``searched`` is what the list was narrowed by, if it is not
    its search alone."""
    detail: dict[str, Any] = {"what": exported.name, "rows": exported.count()}
    if searched:
        detail["search"] = ", ".join(f"{name} {value}" for name, value in searched.items())
    elif searched is None and lists.searched():
        detail["search"] = lists.searched()
    audit.record(audit.Event.EXPORTED, subject, **detail)
    file = f"{slug(get().name)}-{exported.name}-{now():%Y-%m-%d}.csv"
    db.session.commit()
    response = Response(
        stream_with_context(_pieces(exported)), content_type="text/csv; charset=utf-8"
    )
    response.headers.set("Content-Disposition", "attachment", filename=file)
    return response


def _pieces(exported: Table) -> Iterator[bytes]:
    try:
        yield from exporting.lines(exported)
    except Exception:
        # The answer has begun: all that is left is to break it off, so that it is not taken for
        # the whole.
        log.exception("export failed", what=exported.name)
        raise
