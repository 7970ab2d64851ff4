"""Clients: the sites that sign members in here, and what their staff need to be told."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, TextAreaField, URLField, validators
from wtforms.fields import SelectChoice

from admin.access import PanelView, page
from idp.database import db
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.oauth import clients, discovery, registration
from idp.oauth.clients import Client
from idp.oauth.templates import TEMPLATES

TITLES = {name: template.title for name, template in TEMPLATES.items()}
HIGHER_LOGIC_PATH = "/HigherLogic/Security/OAuth/Authentication.aspx"


class ClientForm(FlaskForm):  # type: ignore[misc]
    """A client's name and addresses."""

    name = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    redirect_uris = TextAreaField("Redirect URIs", render_kw={"rows": 3, "spellcheck": "false"})
    post_logout_redirect_uris = TextAreaField(
        "Addresses after signing out", render_kw={"rows": 2, "spellcheck": "false"}
    )
    frontchannel_logout_uri = URLField("Front-channel logout address")


class NewClientForm(ClientForm):
    """A new client is made from a template."""

    template = RadioField(
        "Which kind of site is it?", choices=[SelectChoice(*one) for one in TITLES.items()]
    )


class ClientsView(PanelView):
    """`/panel/clients/`."""

    @page("/")
    def index(self) -> str:
        """The clients by name."""
        return self.render("panel/clients.html", clients=clients.every(), templates=TITLES)

    @page("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """Make a client; the answer to the form shows its secret, once."""
        form = NewClientForm(data={"template": "higher-logic"})
        if form.validate_on_submit():
            try:
                client, secret = registration.create(template=form.template.data, **_values(form))
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                form[error.field].errors = [str(error)]
            else:
                return self._secret(client, secret, new=True), 201
        return self.render("panel/client_new.html", form=form, path=HIGHER_LOGIC_PATH)

    @page("/<key:client_id>", methods=("GET", "POST"))
    def client(self, client_id: str) -> Any:
        """What the client's staff are told, and its addresses."""
        client = _found(client_id)
        form = ClientForm(data=_present(client))
        if form.validate_on_submit():
            try:
                registration.change(client, **_values(form))
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                form[error.field].errors = [str(error)]
            else:
                flash("The client is saved.", "success")
                return _back(client_id)
        return self.render(
            "panel/client.html",
            client=client,
            form=form,
            facts=told(client),
            old_secrets=[known for known in client.secrets if known.good][1:],
            template_name=TITLES[client.template],
        )

    @page("/<key:client_id>/secret", methods=("GET", "POST"))
    def secret(self, client_id: str) -> Any:
        """Ask, then make a new secret; the answer shows it, once."""
        client = _found(client_id)
        if client.authentication != "client_secret":
            abort(404)
        if request.method == "POST":
            secret = registration.new_secret(client)
            db.session.commit()
            return self._secret(client, secret, new=False)
        return self.render("panel/client_new_secret.html", client=client)

    @page("/<key:client_id>/end-old-secret", methods=("POST",))
    def end_old_secret(self, client_id: str) -> Any:
        """Void the secret before the present one, without waiting for its week to be over."""
        client = _found(client_id)
        registration.end_old_secrets(client)
        db.session.commit()
        flash("Only the newest secret works now.", "success")
        return _back(client_id)

    @page("/<key:client_id>/use", methods=("POST",))
    def use(self, client_id: str) -> Any:
        """Put a client out of use, or back into it."""
        client = _found(client_id)
        registration.change(client, active=not client.active)
        in_use = client.active
        db.session.commit()
        flash(
            "The client is in use again."
            if in_use
            else "The client is out of use: nobody signs in through it, and its tokens have ended.",
            "success",
        )
        return _back(client_id)

    def _secret(self, client: Client, secret: str | None, *, new: bool) -> str:
        return self.render(
            "panel/client_secret.html", client=client, secret=secret, new=new, facts=told(client)
        )


def told(client: Client) -> list[tuple[str, str]]:
    """What the client's staff need to know, in the words of Higher Logic's worksheet."""
    facts = discovery.metadata()
    if not client.made_from.signs_members_in:
        return [
            ("Token URL", facts["token_endpoint"]),
            ("Introspection URL", facts["introspection_endpoint"]),
            ("Client ID", client.client_id),
            ("Scope", client.scopes),
        ]
    rows = [
        ("Authorization URL", facts["authorization_endpoint"]),
        ("Token URL", facts["token_endpoint"]),
        ("User-info URL", facts["userinfo_endpoint"]),
        ("Logout URL", facts["end_session_endpoint"]),
        ("Client ID", client.client_id),
        ("Scope", "profile" if client.is_higher_logic else client.scopes),
        ("Identifier attribute", client.identifier_attribute),
        (
            "Client authentication",
            "none, with PKCE" if client.is_public else "HTTP Basic (client_secret_basic)",
        ),
    ]
    if not client.is_higher_logic:
        rows.insert(0, ("Issuer", facts["issuer"]))
        rows.insert(1, ("Discovery", f"{facts['issuer']}/.well-known/openid-configuration"))
    return rows


def _found(client_id: str) -> Client:
    client = clients.find(client_id)
    if client is None:
        abort(404)
    return client


def _back(client_id: str) -> Any:
    return redirect(url_for("panel_clients.client", client_id=client_id), 303)


def _present(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        "redirect_uris": "\n".join(client.redirect_uris),
        "post_logout_redirect_uris": "\n".join(client.post_logout_redirect_uris),
        "frontchannel_logout_uri": client.frontchannel_logout_uri or "",
    }


def _values(form: ClientForm) -> dict[str, Any]:
    return {
        "name": form.name.data or "",
        "redirect_uris": _lines(form.redirect_uris.data),
        "post_logout_redirect_uris": _lines(form.post_logout_redirect_uris.data),
        "frontchannel_logout_uri": (form.frontchannel_logout_uri.data or "").strip() or None,
    }


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
