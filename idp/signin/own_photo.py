"""The member's own photo: shown, changed, removed."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import ValidationError

from idp import audit
from idp.database import db
from idp.directory import photos
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.photos import Picture, PicturesBusy
from idp.limits import limiter
from idp.signin import sessions
from idp.signin.profile import signed_in
from idp.web import takes_a_file

blueprint = Blueprint("own_photo", __name__)


class PhotoForm(FlaskForm):  # type: ignore[misc]
    """An upload of a photo. The browser is told what is accepted; what came is looked at here."""

    photo = FileField("Picture", render_kw={"accept": ",".join(photos.ACCEPTED)})

    def validate_photo(self, field: FileField) -> None:
        """A file was chosen. Raises ``ValidationError``."""
        if not field.data:
            raise ValidationError("Choose a picture first.")

    def picture(self) -> Picture | None:
        """The picture that was sent; ``None`` when the form says what is wrong with it.

        The transaction at hand ends first: none is open while a picture is worked on. Raises
        ``PicturesBusy``.
        """
        db.session.rollback()
        try:
            # A byte more than is allowed tells that there is more.
            return photos.made(self.photo.data.stream.read(photos.LARGEST_FILE + 1))
        except InvalidValue as error:
            self.photo.errors = [str(error)]
            return None

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
    form = PhotoForm()
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            picture = form.picture()
        except PicturesBusy as busy:
            form.photo.errors = [str(busy)]
            status, headers = 503, {"Retry-After": str(busy.retry_after)}
        else:
            # Time went by: this may have been signed out meanwhile.
            here = sessions.current()
            if here is None or not here.alive:
                return sessions.to_sign_in()
            if picture is not None:
                form.keep(account.person, picture, audit.Event.OWN_PHOTO_CHANGED)
                flash("Your photo is saved.", "success")
                return redirect(url_for("own_photo.photo"), 303)
    page = render_template(
        "profile/photo.html", form=form, account=account, photo=photos.of(account.person)
    )
    return page, status, headers


@blueprint.post("/profile/photo/remove")
@signed_in
def remove(account: Account) -> Response:
    """Remove one's own photo."""
    if photos.remove(account.person):
        audit.record(audit.Event.OWN_PHOTO_REMOVED, account.person.key)
        db.session.commit()
        flash("Your photo is removed.", "success")
    return redirect(url_for("own_photo.photo"), 303)
