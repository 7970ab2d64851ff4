"""A client's secrets: a new one, shown once, and the end of the old ones."""

from typing import Any

from flask import abort, flash, redirect, request, url_for

from admin.access import PanelView, page
from admin.client_pages import found
from idp.database import db
from idp.oauth import registration, worksheet
from idp.oauth.clients import Client


class SecretPages(PanelView):
    """Pages about the secrets of a client."""

    @page(
        "/<key:client_id>/secret", methods=("GET", "POST"), get="change", sensitive=("GET", "POST")
    )
    def secret(self, client_id: str) -> Any:
        """Ask, then make a new secret; the answer shows it, once."""
        client = found(client_id)
        if client.authentication != "client_secret":
            abort(404)
        if request.method == "POST":
            secret = registration.new_secret(client)
            db.session.commit()
            return self.show_secret(client, secret, new=False)
        return self.render("panel/client_new_secret.html", client=client)

    @page("/<key:client_id>/end-old-secret", methods=("POST",), sensitive=("POST",))
    def end_old_secret(self, client_id: str) -> Any:
        """Void every secret before the present one, without waiting for its week to be over."""
        client = found(client_id)
        registration.end_old_secrets(client)
        db.session.commit()
        flash("Only the newest secret works now.", "success")
        return redirect(url_for("panel_clients.client", client_id=client_id), 303)

    def show_secret(self, client: Client, secret: str | None, *, new: bool) -> str:
        """The page that shows a secret, the only time that it can be read."""
        return self.render(
            "panel/client_secret.html",
            client=client,
            secret=secret,
            new=new,
            facts=worksheet.told(client),
        )
