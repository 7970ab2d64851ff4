"""The self-test's page: it plays Higher Logic's part, and says which step fails and what to do."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from admin import members
from admin.access import PanelView, page, signed_in
from admin.worksheet import higher_logic
from idp.directory.contacts import InvalidValue, Person
from idp.oauth import self_test
from idp.oauth.clients import Client
from idp.oauth.self_test import job
from sync.standing import status


class SelfTestPages(PanelView):
    """Pages of the self-test of a Higher Logic client."""

    @page("/<key:client_id>/self-test", methods=("GET", "POST"))
    def self_test(self, client_id: str) -> Any:
        """Choose a test member and start; then watch it."""
        client = higher_logic(client_id)
        asked = request.values.get("member", signed_in().person.email)[:254]
        problem, account = "", signed_in()
        try:
            account = members.find("member", asked)
        except InvalidValue as error:
            problem = str(error)
        if request.method == "POST" and not problem:
            try:
                run = job.start(client, account, signed_in())
            except job.QueueAway as error:
                flash(str(error), "danger")
            else:
                return redirect(
                    url_for(
                        "panel_clients.self_test",
                        client_id=client_id,
                        run=run,
                        member=account.person.key,
                        _anchor="result",
                    ),
                    303,
                )
        return self.render(
            "panel/self_test.html",
            client=client,
            asked=account.person.email if not problem else asked,
            problem=problem,
            known=known_at_higher_logic(account.person),
            member=account.person,
            **_watched(client),
        )

    @page("/<key:client_id>/self-test/progress")
    def self_test_progress(self, client_id: str) -> str:
        """The part of the page that changes while the test goes on."""
        client = higher_logic(client_id)
        return render_template("panel/self_test_progress.html", **_watched(client))


def _watched(client: Client) -> dict[str, Any]:
    run = request.args.get("run", "")
    return {"run": run, "steps": self_test.STEPS, "progress": job.progress(client, run)}


def known_at_higher_logic(person: Person) -> tuple[str, str]:
    """Whether Higher Logic knows the key that the identifier attribute says: a state, and it in
    words. Somebody whom it does not know cannot get in there, however well the sign-in works."""
    standing = status.of_contact(person)
    if standing["state"] == "up_to_date":
        return "up_to_date", "Higher Logic has accepted this record, under the same key."
    if standing["accepted_at"] is not None:
        return "pending", (
            "Higher Logic has this record, under the same key; its last change is not accepted yet."
        )
    if standing["state"] == "left_out":
        return "failing", (
            "Higher Logic is told nothing of this member: the record or the account is out of use."
        )
    if standing["state"] == "not_in_scope":
        return "failing", (
            "Higher Logic is told nothing of this member, who is in no synced group. That is done "
            "when they first sign in there, not by this test, and only while a group’s sync is on."
        )
    return "failing" if standing["error"] else "pending", (
        "Higher Logic has not accepted this record yet: until then the community does not know "
        f"the member. {standing['error']}"
    )
