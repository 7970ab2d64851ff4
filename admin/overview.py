"""The first page: the set-up until it is done, then whether Higher Logic has what it should."""

from typing import Any

from flask import flash, redirect, url_for
from sqlalchemy import func, select

from admin import exports, set_up, sync_standing
from admin.access import PanelView, may, page
from idp import association
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.folding import fold, folded
from sync import reconcile
from sync.standing import exporting, status


class OverviewView(PanelView):
    """`/panel/`."""

    @page("/")
    def index(self) -> str:
        """The first page: of who may see the set-up, the checklist until it is done."""
        if association.get().launched_at is None and may("panel_set_up.index"):
            return self.render("panel/set_up.html", **set_up.view())
        return self.overview()

    @page("/overview")
    def overview(self) -> str:
        """How the sync stands, and how many there are."""
        return self.render(
            "panel/overview.html",
            **sync_standing.facts(status.overall()),
            counts=counts(),
        )

    @page("/standing")
    def standing(self) -> str:
        """How the sync stands, as a part of the page, for it to keep current."""
        return self.render("panel/sync_standing.html", **sync_standing.facts(status.overall()))

    @page("/compare", methods=("POST",))
    def compare(self) -> Any:
        """Have every record compared with what Higher Logic accepted last."""
        reconcile.ask()
        db.session.commit()
        flash("Every record is being compared. What differs is sent.", "success")
        return redirect(url_for(".overview"), 303)

    @page("/waiting/export", methods=("POST",), post="export", sensitive=("POST",))
    def export_waiting(self) -> Any:
        """What Higher Logic has not taken yet, and what it refused, as a file."""
        return exports.download(exporting.waiting())


def counts() -> dict[str, int]:
    """How many people, companies, accounts, current members and synced groups. One statement."""
    contact = Contact.__table__.c

    def number(kind: str, *tests: Any) -> Any:
        of_kind = select(func.count()).where(contact.kind == kind, *tests)
        return of_kind.where(contact.merged_into_id.is_(None)).scalar_subquery()

    row = db.session.execute(
        select(
            number("person"),
            number("person", folded(contact.member_status) == fold("current")),
            select(func.count()).select_from(Account).scalar_subquery(),
            number("company"),
            select(func.count()).where(Group.sync).scalar_subquery(),
        )
    ).one()
    return dict(zip(("people", "current", "accounts", "companies", "groups"), row, strict=True))
