"""The association's logo: kept beside its row, and given to everybody at `/logo/<token>.png`.

It stands on the sign-in page, so it is as public as that. The token changes with the logo: what is
at an address never changes, and a cache may keep it for good.
"""

import secrets

from flask import Blueprint, Response, request
from sqlalchemy import LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response as WerkzeugResponse

from idp import association
from idp.association import Association
from idp.database import Base, db
from idp.directory.photos.logos import Logo

blueprint = Blueprint("logo", __name__)


class AssociationLogo(Base):
    """The PNG of the logo, apart from the association's row, which every page reads."""

    __tablename__ = "association_logo"

    token: Mapped[str] = mapped_column(String(22), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


def keep(logo: Logo) -> Association:
    """Keep a logo in place of the one before, whose address is over. Part of the transaction at
    hand."""
    row = association.change()
    db.session.flush()
    db.session.execute(delete(AssociationLogo))
    row.logo_token = secrets.token_urlsafe(16)
    row.logo_width, row.logo_height = logo.width, logo.height
    db.session.add(AssociationLogo(token=row.logo_token, content=logo.content))
    return row


def remove() -> bool:
    """Remove the logo; says whether there was one. Part of the transaction at hand."""
    row = association.get()
    if row.logo_token is None:
        return False
    db.session.execute(delete(AssociationLogo))
    row.logo_token = row.logo_width = row.logo_height = None
    return True


@blueprint.get("/logo/<token>.png")
def file(token: str) -> WerkzeugResponse:
    """The logo. No cookie is looked at or set."""
    content = db.session.scalar(
        select(AssociationLogo.content).where(AssociationLogo.token == token)
    )
    if content is None:
        return Response("There is no such logo.", 404, mimetype="text/plain")
    response = Response(content, mimetype="image/png")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.set_etag(token)
    return response.make_conditional(request)
