"""What holds for every page: the security headers, the one address, and how an error looks."""

from __future__ import annotations

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.exceptions import HTTPException, NotFound, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from sandbox.services import services
from sandbox.tenant import origin_of

PAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class PageError(Exception):
    """Something a person is told on a page of its own: a title, what happened, what to do."""

    def __init__(self, status: int, title: str, text: str, detail: str = "") -> None:
        super().__init__(f"{status} {title}: {text}")
        self.status = status
        self.title = title
        self.text = text
        self.detail = detail
        """What the other side said, if it may be shown."""


def install(app: Flask) -> None:
    """Registers the hooks."""
    app.before_request(to_the_one_address)
    app.after_request(add_headers)
    app.register_error_handler(PageError, page_error)
    app.register_error_handler(HTTPException, http_error)
    app.context_processor(_template_names)


def to_the_one_address() -> AnyResponse | None:
    """Sends a browser from `localhost` to the configured host.

    Cookies and registered redirect URIs hold for one spelling of the address only.
    """
    settings = services().settings
    if request.method not in ("GET", "HEAD") or request.path.startswith(("/push/", "/control")):
        return None
    if request.host == settings.netloc:
        return None
    path = request.full_path.removesuffix("?")
    return redirect(settings.base_url + "/" + path.lstrip("/"), 307)


def framed_by_issuer() -> None:
    """Lets the issuer's pages, and no others, put this answer in a frame."""
    g.framed_by = services().tenant.sign_in().issuer_origin


def add_headers(response: Response) -> Response:
    """The content security policy and its companions (no inline script or style anywhere)."""
    sign_in = services().tenant.sign_in()
    targets = {sign_in.issuer_origin, origin_of(sign_in.logout_url)}
    ancestors = g.get("framed_by", "'none'")
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            # Signing out posts here and is redirected there; browsers check the whole way.
            f"form-action 'self' {' '.join(sorted(targets))}",
            f"frame-ancestors {ancestors}",
        )
    )
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    if ancestors == "'none'":
        response.headers["X-Frame-Options"] = "DENY"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def page_error(error: PageError) -> tuple[str, int]:
    """A clear page in the colours of the site it happened at."""
    return _error_page(error.status, error.title, error.text, error.detail)


def http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    """The same page for what Flask itself refuses."""
    # A host name that is not ours (SecurityError) stops Flask before it can make a URL of a page.
    if error.code is None or error.code < 400 or isinstance(error, SecurityError):
        return error
    if error.code == 404 and error.description == NotFound.description:
        return _error_page(404, "There is no such page", "Check the address.", "")
    return _error_page(error.code, error.name, error.description or "", "")


def _error_page(status: int, title: str, text: str, detail: str) -> tuple[str, int]:
    layout = "conference_layout.html" if request.path.startswith("/conference") else "layout.html"
    page = render_template(
        "error.html", layout=layout, status=status, title=title, text=text, detail=detail
    )
    return page, status


def _template_names() -> dict[str, object]:
    tenant = services().tenant
    return {"community_name": tenant.community_name, "tenant_code": tenant.code}
