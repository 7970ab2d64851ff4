"""A picture that a form carries: what the browser is told, and what is wrong, said at its field."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import ValidationError

from idp.database import db
from idp.directory import photos
from idp.directory.contacts import InvalidValue
from idp.directory.photos import PicturesBusy

Made = TypeVar("Made")


@dataclass(frozen=True)
class Sent(Generic[Made]):
    """What became of an upload: what was made of it, or nothing, and then the answer's status and
    headers."""

    made: Made | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def picture_field() -> FileField:
    """The field of an upload. The browser is told what is accepted; what came is looked at here."""
    return FileField("Picture", [_chosen], render_kw={"accept": ",".join(photos.ACCEPTED)})


def sent(picture: FileField, make: Callable[[bytes], Made]) -> Sent[Made]:
    """What ``make`` makes of the file; what it refuses is said at the field.

    The transaction at hand ends first: none is open while a picture is worked on.
    """
    db.session.rollback()
    try:
        # A byte more than is allowed tells that there is more.
        return Sent(make(picture.data.stream.read(photos.LARGEST_FILE + 1)))
    except InvalidValue as error:
        picture.errors = [str(error)]
        return Sent()
    except PicturesBusy as busy:
        picture.errors = [str(busy)]
        return Sent(status=503, headers={"Retry-After": str(busy.retry_after)})


def _chosen(_form: FlaskForm, picture: Any) -> None:
    if not picture.data:
        raise ValidationError("Choose a picture first.")
