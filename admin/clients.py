"""Clients: the sites that sign members in here, and what their staff need to be told."""

from typing import Any

from flask import flash, redirect, request, url_for

from admin import client_addresses, exports, groups_by_name
from admin.access import page, want_password_again
from admin.changes import ChangesPages, Subject
from admin.client_addresses import NewClientForm
from admin.client_forms import ClientForm
from admin.client_pages import found
from admin.client_secrets import SecretPages
from admin.lists import searched
from admin.self_test import SelfTestPages
from admin.worksheet import WorksheetPages
from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import client_export, clients, registration, worksheet
from idp.oauth.clients import Client

HIGHER_LOGIC_PATH = "/HigherLogic/Security/OAuth/Authentication.aspx"


class ClientsView(SecretPages, WorksheetPages, SelfTestPages, ChangesPages):
    """`/panel/clients/`."""

    def changed(self, key: str) -> Subject:
        """The client with a client ID."""
        client = found(key)
        return Subject(client.name, url_for("panel_clients.client", client_id=key), (key,))

    @page("/")
    def index(self) -> str:
        """The clients by name."""
        return self.render(
            "panel/clients.html", clients=clients.every(), templates=client_addresses.TITLES
        )

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The clients as a file; no secret is in it."""
        return exports.download(client_export.clients())

    @page("/new", methods=("GET", "POST"), get="change", sensitive=("GET", "POST"))
    def new(self) -> Any:
        """Make a client; the answer to the form shows its secret, once."""
        form = NewClientForm(data={"template": "higher-logic"})
        if form.validate_on_submit() and form.is_another():
            try:
                client, secret = registration.create(
                    form.name.data or "", form.template.data, **form.addresses()
                )
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                client_addresses.say(form, error)
            else:
                return self.show_secret(client, secret, new=True), 201
        return self.render("panel/client_new.html", form=form, path=HIGHER_LOGIC_PATH)

    @page("/<key:client_id>", methods=("GET", "POST"))
    def client(self, client_id: str) -> Any:
        """What the client's staff are told, and everything that can be changed."""
        client = found(client_id)
        form = ClientForm.of(client)
        if (
            form.validate_on_submit()
            and not form.press(request.form.get("press", ""))
            and client_addresses.save(form, client, _confirmed(client, form.values()))
        ):
            flash("The client is saved.", "success")
            return redirect(url_for("panel_clients.client", client_id=client_id), 303)
        return self.render(
            "panel/client.html",
            client=client,
            form=form,
            facts=worksheet.told(client),
            template_name=client_addresses.TITLES[client.template],
        )

    @page("/<key:client_id>/out-of-use", methods=("POST",))
    def put_out_of_use(self, client_id: str) -> Any:
        """Put a client out of use: nobody signs in through it, and its tokens end."""
        registration.change(found(client_id), active=False)
        db.session.commit()
        flash(
            "The client is out of use: nobody signs in through it, and its tokens have ended.",
            "success",
        )
        return redirect(url_for("panel_clients.client", client_id=client_id), 303)

    @page("/<key:client_id>/in-use", methods=("POST",))
    def put_in_use(self, client_id: str) -> Any:
        """Put a client back into use."""
        registration.change(found(client_id), active=True)
        db.session.commit()
        flash("The client is in use again.", "success")
        return redirect(url_for("panel_clients.client", client_id=client_id), 303)

    @page("/groups")
    def groups(self) -> dict[str, list[str]]:
        """A few groups whose name holds what was typed, for the group field to offer."""
        return {"found": groups_by_name.offered(searched())}


def _confirmed(client: Client, values: dict[str, Any]) -> dict[str, Any]:
    """What was typed; first the password is asked for where a client is to prove itself otherwise.

    A public key is to it what a secret is to others. What proves nothing but its address, as an
    app on a phone, is who is at that address.
    """
    proofs = {"authentication", "jwks"} | ({"redirect_uris"} if client.is_public else set())
    if any(values[name] != getattr(client, name) for name in proofs & values.keys()):
        want_password_again()
    return values
