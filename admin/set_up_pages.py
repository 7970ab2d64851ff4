"""The set-up's pages: the checklist, its decisions, the one test contact, the launch."""

from typing import Any

from flask import abort, flash, redirect, request, url_for

from admin import members, set_up
from admin.access import PanelView, page, signed_in
from admin.lists import searched
from idp import association, audit
from idp.database import db
from idp.directory.contacts import InvalidValue
from sync import connection, contact_tried

LONGEST_MEMBER = 254


class SetUpView(PanelView):
    """`/panel/set-up/`."""

    def is_visible(self) -> bool:
        """Not in the menu: it is the first page until it is done, and then linked from that."""
        return False

    @page("/")
    def index(self) -> str:
        """The checklist."""
        return self.render("panel/set_up.html", **set_up.view())

    @page("/<step>/decide", methods=("POST",))
    def decide(self, step: str) -> Any:
        """Tick a step by a decision, or take that back."""
        found = next((one for one in set_up.steps() if one.name == step), None)
        back = "back" in request.form
        if found is None or not (found.decided if back else found.decision):
            abort(404)
        if not found.mine:
            abort(403)
        if association.decide(found.name, not back):
            event = audit.Event.SET_UP_REOPENED if back else audit.Event.SET_UP_DECIDED
            audit.record(event, step=found.title, decision=found.decision)
            db.session.commit()
        return redirect(url_for("panel_set_up.index", _anchor=found.name), 303)

    @page("/launch", methods=("POST",), post="launch")
    def launch(self) -> Any:
        """The set-up is done: the overview is the first page from now on."""
        if not set_up.view()["ready"]:
            flash("Not yet: see what is left to do below.", "danger")
            return redirect(url_for("panel_set_up.index"), 303)
        if association.launch():
            audit.record(audit.Event.LAUNCHED)
            db.session.commit()
        flash("Congratulations: your community can open. This is your first page now.", "success")
        return redirect(url_for("panel.index"), 303)

    @page("/test-contact", methods=("GET", "POST"), get="change")
    def test_contact(self) -> Any:
        """Choose one contact, send that one, and read what Higher Logic answered."""
        asked = request.values.get("member", signed_in().person.email)[:LONGEST_MEMBER]
        person, problem = None, ""
        try:
            person = members.find("member", asked).person
            if request.method == "POST":
                contact_tried.send(person)
                return redirect(
                    url_for("panel_set_up.test_contact", member=person.key, _anchor="answer"), 303
                )
        except InvalidValue as error:
            db.session.rollback()
            problem = str(error)
        return self.render(
            "panel/test_contact.html",
            asked=person.email if person is not None else asked,
            person=person,
            problem=problem,
            standing=contact_tried.standing(person) if person is not None else None,
            link=connection.get(),
        )

    @page("/members", get="change")
    def members(self) -> dict[str, list[dict[str, str]]]:
        """A few members whose name or address holds what was typed."""
        return {"found": members.offered(searched())}
