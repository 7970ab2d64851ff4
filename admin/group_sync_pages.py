"""A group's *Sync* tab: how it stands, what was refused, what is held back, what was sent."""

from typing import Any

from flask import flash, redirect, request, url_for

from admin import group_held, group_sync
from admin.access import PanelView, may_decide_removals, page
from admin.group_members import found, size
from admin.lists import page_of, searched
from idp.database import db
from idp.directory import contacts
from idp.directory.groups import Group
from sync import resend
from sync.sent import history_words
from sync.standing import group_history, status
from sync.standing.kept import kept


class SyncPages(PanelView):
    """The pages about a group's sync, as a part of the groups' view."""

    @page("/<key:key>/sync")
    def sync(self, key: str) -> str:
        """How the sync stands."""
        group = found(key)
        return self.render(
            "panel/group_sync.html", group=group, size=size(group), **self._standing(group)
        )

    @page("/<key:key>/sync/standing")
    def sync_standing(self, key: str) -> str:
        """The same as a part of the page, for it to keep current."""
        group = found(key)
        return self.render("panel/group_standing.html", group=group, **self._standing(group))

    @page("/<key:key>/status.json")
    def status(self, key: str) -> dict[str, Any]:
        """How a group's sync stands, for the page of its details to keep current."""
        return group_sync.facts(found(key))

    @page("/<key:key>/sync/history")
    def sync_history(self, key: str) -> str:
        """What was sent of a group's members, the newest first."""
        group = found(key)
        listed = group_history.page(group, before=request.args.get("before", type=_row))
        return self.render(
            "panel/group_sent.html",
            group=group,
            size=size(group),
            listed=listed,
            pages=group_sync.PAGES,
            sentence=history_words.sentence,
        )

    @page("/<key:key>/sync/left-out")
    def left_out(self, key: str) -> str:
        """Which members of a group do not sync, and why."""
        group = found(key)
        return self.render(
            "panel/group_left_out.html",
            group=group,
            size=size(group),
            listing=page_of(group_sync.members(group, searched(), left_out=True)),
            reasons=status.REASONS,
            pages=group_sync.PAGES,
        )

    @page("/<key:key>/resend", methods=("POST",))
    def resend(self, key: str) -> Any:
        """Send all members of a group again."""
        group = found(key)
        number = resend.resend(group.key)
        db.session.commit()
        flash(_said(number), "success")
        return redirect(url_for("panel_groups.sync", key=key), 303)

    @page("/<key:key>/sync/retry", methods=("POST",))
    def retry(self, key: str) -> Any:
        """Send a member again whom Higher Logic refused; without ``contact`` all of them."""
        group, contact = found(key), request.form.get("contact", "")
        if not contact:
            number = resend.resend_refused(group)
        elif contacts.find(contact) is None:
            flash("This record is gone: somebody else deleted it.", "danger")
            return redirect(url_for("panel_groups.sync", key=key), 303)
        else:
            number = resend.resend(contact)
        db.session.commit()
        flash(_said(number), "success")
        return redirect(url_for("panel_groups.sync", key=key), 303)

    def _standing(self, group: Group) -> dict[str, Any]:
        facts = group_sync.facts(group)
        return {
            "sync": facts,
            "reasons": group_sync.left_out(group),
            "held": group_held.facts(group),
            "may_decide": may_decide_removals(),
            # Of a group of which nothing was sent for long, all that is kept is looked through.
            "sent": kept(
                f"sync: sent of {group.key}",
                lambda: group_history.page(group, size=group_sync.FEW_SENT).rows,
            ),
            "pages": group_sync.PAGES,
            "sentence": history_words.sentence,
            # How often the page asks, in milliseconds.
            "again": 2000 if facts["state"] == "pending" else 5000,
        }


def _said(number: int) -> str:
    match number:
        case 0:
            return "There is nothing to send again."
        case 1:
            return "1 record is sent again."
        case _:
            return f"{number:,} records are sent again."


def _row(text: str) -> int:
    """The number of a row. Raises ``ValueError`` for what no database has one of."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(text)
    return number
