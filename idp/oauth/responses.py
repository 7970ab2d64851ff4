"""How the authorization endpoint answers: to the client by redirect, or to the member by a page."""

from urllib.parse import urlencode, urlsplit

from flask import Response, render_template

from idp.oauth.issuer import issuer


def to_client(redirect_uri: str, parameters: dict[str, str]) -> Response:
    """Send the browser to a client's redirect URI, which the caller has checked.

    By 303, so that no form is sent on to the client (RFC 9700, 4.12).
    """
    return goto(answer_address(redirect_uri, parameters))


def answer_address(redirect_uri: str, parameters: dict[str, str]) -> str:
    """A client's redirect URI, which the caller has checked, with an answer.

    With ``iss``, so that the client knows who answers (RFC 9207, 2).
    """
    # A registered address has no fragment (``addresses``): what is added goes to its end.
    separator = "&" if "?" in redirect_uri else "?"
    return redirect_uri + separator + urlencode({**parameters, "iss": issuer()})


def goto(address: str) -> Response:
    """Send the browser to an address that the caller has checked, by 303."""
    response = Response(status=303)
    response.headers["Location"] = address
    return response


def refusal_page(title: str, text: str, *, sign_out: str | None = None) -> Response:
    """A page for the member, where there is no address that could be trusted with an error.

    ``sign_out`` is where to go for those who only want that.
    """
    return Response(
        render_template("oauth/error.html", title=title, text=text, sign_out=sign_out),
        status=400,
        mimetype="text/html",
    )


def origin(uri: str) -> str:
    """Scheme, host and port of an address, as a Content-Security-Policy names it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
