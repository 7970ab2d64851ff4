"""The photo of a person or a company: shown, changed, removed."""

from typing import Any

from flask import flash, redirect, url_for

from admin.access import PanelView, may_send, page
from idp import audit
from idp.database import db
from idp.directory import photos
from idp.directory.contacts import Contact
from idp.directory.photos import Picture
from idp.picture_uploads import Sent
from idp.signin.own_photo import PhotoForm
from idp.web import takes_a_file


class PhotoPages(PanelView):
    """Pages about the photo of what a view is about."""

    def contact(self, key: str) -> Contact:
        """The contact with a key; 404 for any other."""
        raise NotImplementedError

    @page("/<key:key>/photo", methods=("GET", "POST"))
    @takes_a_file(photos.LARGEST_FILE, may=may_send)
    def photo(self, key: str) -> Any:
        """A contact's photo, and the form for another."""
        form, upload = PhotoForm(), Sent[Picture]()
        self.contact(key)
        if form.validate_on_submit():
            upload = form.sent()
            if upload.made is not None:
                form.keep(self.contact(key), upload.made, audit.Event.PHOTO_CHANGED)
                flash("The photo is saved.", "success")
                return self._to_photo(key)
        contact = self.contact(key)
        shown = self.render(
            "panel/contact_photo.html", form=form, contact=contact, photo=photos.of(contact)
        )
        return shown, upload.status, upload.headers

    @page("/<key:key>/photo/remove", methods=("POST",))
    def remove_photo(self, key: str) -> Any:
        """Remove a contact's photo."""
        contact = self.contact(key)
        if photos.remove(contact):
            audit.record(audit.Event.PHOTO_REMOVED, contact.key)
            db.session.commit()
            flash("The photo is removed.", "success")
        return self._to_photo(key)

    def _to_photo(self, key: str) -> Any:
        return redirect(url_for(f"{self.endpoint}.photo", key=key), 303)
