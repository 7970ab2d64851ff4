"""What the removal guard holds back of a group: said on the group's page, whom it is about, and an
owner's word about it."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import Select, func, select

from admin import exports
from admin.access import PanelView, may_decide_removals, page
from admin.lists import page_of, searched
from idp import exporting
from idp.database import db
from idp.directory import groups
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from sync.removals import held, verdicts
from sync.removals.held import Standing

LISTS: dict[str, Standing] = {"held": "held", "waiting": "waiting", "refused": "refused"}
TITLES = {"held": "Held back", "waiting": "Wait for an import", "refused": "Kept by an owner"}
PAGES = {
    "held": "panel_groups.held",
    "waiting": "panel_groups.held_waiting",
    "refused": "panel_groups.held_refused",
}


class HeldPages(PanelView):
    """The pages about what is held of a group, as a part of the groups' view."""

    @page("/<key:key>/held")
    def held(self, key: str) -> str:
        """Whose removal is held until an owner decides."""
        return self._listed(key, "held")

    @page("/<key:key>/held/waiting")
    def held_waiting(self, key: str) -> str:
        """Whose removal waits for the end of an import."""
        return self._listed(key, "waiting")

    @page("/<key:key>/held/refused")
    def held_refused(self, key: str) -> str:
        """Whom an owner has kept at Higher Logic."""
        return self._listed(key, "refused")

    @page("/<key:key>/held/export", methods=("POST",), post="export", sensitive=("POST",))
    def export_held(self, key: str) -> Any:
        """The list as a file."""
        group, which = _group(key), _which()
        contact = Contact.__table__.c
        header = ["Key", "Kind", "E-mail", "Name", f"{TITLES[which]} since (UTC)"]
        exported = exporting.table(
            f"held-{which}",
            header,
            _contacts(group, which),
            contact.id,
            lambda rows: [[one.key, one.kind, one.email, one.title, one.at] for one in rows],
        )
        return exports.download(exported, group.key)

    @page(
        "/<key:key>/held/allow",
        methods=("GET", "POST"),
        get="decide",
        post="decide",
        sensitive=("GET", "POST"),
    )
    def allow_held(self, key: str) -> Any:
        """Say what letting them go does, in numbers, then let them go."""
        if _which() == "refused":
            return self._decide(key, "refused", verdicts.lift, "group_held_allow.html")
        return self._decide(key, "held", verdicts.allow, "group_held_allow.html")

    @page("/<key:key>/held/refuse", methods=("GET", "POST"), get="decide", post="decide")
    def refuse_held(self, key: str) -> Any:
        """Say what keeping them does, in numbers, then keep them."""
        return self._decide(key, "held", verdicts.refuse, "group_held_refuse.html")

    def _listed(self, key: str, which: Standing) -> str:
        group = _group(key)
        return self.render(
            "panel/group_held.html",
            group=group,
            held=facts(group),
            which=which,
            titles=TITLES,
            pages=PAGES,
            listing=page_of(_contacts(group, which)),
            may_decide=may_decide_removals(),
        )

    def _decide(self, key: str, standing: Standing, verdict: Any, template: str) -> Any:
        group = _group(key)
        number = held.number(group.key, standing)
        # More may have come since the page was looked at: then it is asked again.
        asked = request.form.get("number", "")
        if request.method == "POST" and number and asked == str(number):
            try:
                done = verdict(group.key)
            except verdicts.NothingHeld:
                db.session.rollback()
                flash("Somebody else has decided already: nothing is held.", "danger")
                return redirect(url_for("panel_groups.group", key=key), 303)
            if done == number:
                db.session.commit()
                said = "stay at Higher Logic" if verdict is verdicts.refuse else "are let go"
                flash(f"{done:,} {said if done != 1 else _of_one(said)}.", "success")
                return redirect(url_for("panel_groups.group", key=key), 303)
            # More came while the guard was waited for, which decides about a group alone.
            db.session.rollback()
            number = held.number(key, standing)
        return self.render(
            f"panel/{template}",
            group=group,
            number=number,
            which=standing,
            changed=request.method == "POST",
        )


def facts(group: Group) -> dict[str, Any]:
    """What is kept back of a group: ``held``, ``waiting`` and ``refused`` in numbers, ``since`` and
    ``reason`` of what is held. Two statements."""
    hold = held.hold_of(group.key)
    numbers: dict[str, int] = dict.fromkeys(LISTS, 0)
    if hold is not None:
        row = held.removals.c
        counted = (
            select(row.standing, func.count().label("number"))
            .where(row.group_key == group.key, row.standing.in_(held.KEPT))
            .group_by(row.standing)
        )
        numbers |= {one.standing: one.number for one in db.session.execute(counted)}
    return numbers | {
        "since": hold.since if hold is not None else None,
        "reason": hold.reason if hold is not None else "",
    }


def _group(key: str) -> Group:
    group = groups.find(key)
    if group is None:
        abort(404)
    return group


def _which() -> Standing:
    return LISTS.get(request.args.get("list", ""), "held")


def _contacts(group: Group, which: Standing) -> Select[Any]:
    return held.contacts(group.key, which, searched())


def _of_one(said: str) -> str:
    return said.replace("stay", "stays").replace("are", "is")
