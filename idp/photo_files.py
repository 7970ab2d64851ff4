"""The public address of photos: `/photos/<token>/<size>.jpg`, for everybody who was told it.

Higher Logic fetches a member's photo without signing in, and so does any site that is told the
claim `picture`: the token, 128 random bits, is what keeps it from everybody else. It changes with
the photo, so what is at an address never changes, until it is gone.
"""

from flask import Blueprint, Response, current_app, request
from werkzeug.wrappers import Response as WerkzeugResponse

from idp.directory import photos
from idp.settings import Settings

blueprint = Blueprint("photo_files", __name__)

_sizes = ",".join(f"'{size}'" for size in photos.SIZES)


@blueprint.get(f"/photos/<token>/<any({_sizes}):size>.jpg")
def photo(token: str, size: str) -> WerkzeugResponse:
    """A photo. No cookie is looked at or set; of an address that is over nothing is told."""
    content = photos.file_of(token, int(size))
    if content is None:
        return Response("There is no such photo.", 404, mimetype="text/plain")
    response = Response(content, mimetype="image/jpeg")
    # For browsers alone: a cache between us and them would go on giving out a photo that its
    # owner has removed.
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(f"{token}-{size}")
    return response.make_conditional(request)


def path(token: str, size: int) -> str:
    """The path of a photo at this site."""
    return f"/photos/{token}/{size}.jpg"


def address(token: str) -> str:
    """The public address of a photo in its biggest size.

    Made from the setting, never from the request's Host header: a job and the command line give
    the same one.
    """
    settings: Settings = current_app.config["TESSERA"]
    return settings.issuer + path(token, photos.BIGGEST)
