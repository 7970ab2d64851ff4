"""The technical worksheet: on the page, on paper, as a document, and what Higher Logic answers."""

from typing import Any

from flask import Response, abort, flash, redirect, request, url_for

from admin import client_addresses, members
from admin.access import PanelView, page, signed_in
from admin.client_addresses import AddressesForm, present_addresses
from admin.client_pages import found
from admin.lists import searched
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue
from idp.directory.fields import slug
from idp.oauth import registration, worksheet, worksheet_document
from idp.oauth.clients import Client


class WorksheetPages(PanelView):
    """Pages about the worksheet of a Higher Logic client."""

    @page("/<key:client_id>/worksheet", methods=("GET", "POST"))
    def worksheet(self, client_id: str) -> Any:
        """Everything that Higher Logic wants, and the form for what it gives back."""
        client = higher_logic(client_id)
        form = AddressesForm(data=present_addresses(client))
        form.redirect_uris.label.text = "Callback URLs"
        form.post_logout_redirect_uris.label.text = "URLs after logout"
        form.frontchannel_logout_uri.label.text = "Front-channel logout URL"
        form.backchannel_logout_uri.label.text = "Back-channel logout URL"
        if form.validate_on_submit() and client_addresses.save(form, client, form.addresses()):
            flash(
                "Saved. The self-test shows whether Higher Logic can sign members in now.",
                "success",
            )
            there = url_for(
                "panel_clients.worksheet", client_id=client_id, member=request.args.get("member")
            )
            return redirect(there, 303)
        account, problem = _member()
        return self.render(
            "panel/worksheet.html",
            client=client,
            form=form,
            sheet=worksheet.of(client, account),
            member=account.person,
            asked=request.args.get("member", account.person.email),
            problem=problem,
            secret_made_at=max(
                (known.created_at for known in client.secrets if known.expires_at is None),
                default=None,
            ),
        )

    @page("/<key:client_id>/worksheet/print")
    def print_worksheet(self, client_id: str) -> str:
        """The worksheet by itself, to be printed."""
        client = higher_logic(client_id)
        account, _problem = _member()
        return self.render("panel/worksheet_print.html", sheet=worksheet.of(client, account))

    @page("/<key:client_id>/worksheet/document")
    def worksheet_document(self, client_id: str) -> Response:
        """The worksheet to download."""
        client = higher_logic(client_id)
        account, _problem = _member()
        return _download(client, account, None)

    @page("/<key:client_id>/secret/document", methods=("POST",), sensitive=("POST",))
    def secret_document(self, client_id: str) -> Response:
        """The worksheet to download with a secret made for it, which is readable there and nowhere
        else."""
        client = higher_logic(client_id)
        account, _problem = _member()
        if client.authentication != "client_secret":
            abort(404)
        response = _download(client, account, registration.new_secret(client))
        db.session.commit()
        return response

    @page("/members")
    def members(self) -> dict[str, Any]:
        """A few members of whom a part was typed, for the member field to offer."""
        return {"found": members.offered(searched())}


def higher_logic(client_id: str) -> Client:
    """The Higher Logic client that an address names; 404 for any other."""
    client = found(client_id)
    if not client.is_higher_logic:
        abort(404)
    return client


def _member() -> tuple[Account, str]:
    """The member that the worksheet shows, who is asking unless somebody was chosen; and what is
    wrong with who was chosen."""
    asked = request.args.get("member", "")[:254]
    if asked:
        try:
            return members.find("member", asked), ""
        except InvalidValue as error:
            return signed_in(), str(error)
    return signed_in(), ""


def _download(client: Client, account: Account, secret: str | None) -> Response:
    content = worksheet_document.make(worksheet.of(client, account, secret))
    response = Response(content, mimetype=worksheet_document.MIME_TYPE)
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"worksheet-{slug(client.name)}.docx"
    )
    return response
