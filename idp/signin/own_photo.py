"""The member's own photo: shown, changed, removed."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from idp import audit
from idp.database import db
from idp.directory import photos
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.photos import Picture
from idp.limits import limiter
from idp.picture_uploads import Sent, picture_field, sent
from idp.signin import sessions
from idp.signin.profile import signed_in
from idp.web import takes_a_file

blueprint = Blueprint("own_photo", __name__)


class PhotoForm(FlaskForm):  # type: ignore[misc]
    """An upload of a photo."""

    photo = picture_field()

    def sent(self) -> Sent[Picture]:
        """The picture that was sent (``picture_uploads``)."""
        return sent(self.photo, photos.made)

    def keep(self, contact: Contact, picture: Picture, event: audit.Event) -> None:
        """Keep the picture as a contact's photo, with its event, and commit."""
        photos.keep(contact, picture)
        audit.record(event, contact.key, width=picture.width, height=picture.height)
        db.session.commit()


@blueprint.route("/profile/photo", methods=["GET", "POST"])
@limiter.limit("30/hour", methods=["POST"])
@signed_in
@takes_a_file(photos.LARGEST_FILE, may=lambda: sessions.current_account() is not None)
def photo(account: Account) -> Any:
    """One's own photo, and the form for another."""
    form, upload = PhotoForm(), Sent[Picture]()
    if form.validate_on_submit():
        upload = form.sent()
        # Time went by: this may have been signed out meanwhile.
        here = sessions.current()
        if here is None or not here.alive:
            return sessions.to_sign_in()
        if upload.made is not None:
            form.keep(account.person, upload.made, audit.Event.OWN_PHOTO_CHANGED)
            flash("Your photo is saved.", "success")
            return redirect(url_for("own_photo.photo"), 303)
    page = render_template(
        "profile/photo.html", form=form, account=account, photo=photos.of(account.person)
    )
    return page, upload.status, upload.headers


@blueprint.post("/profile/photo/remove")
@signed_in
def remove(account: Account) -> Response:
    """Remove one's own photo."""
    if photos.remove(account.person):
        audit.record(audit.Event.OWN_PHOTO_REMOVED, account.person.key)
        db.session.commit()
        flash("Your photo is removed.", "success")
    return redirect(url_for("own_photo.photo"), 303)
