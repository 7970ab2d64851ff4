"""What every page has in common: headers, CSRF, sessions' cookies, transactions, error pages."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from flask import Flask, Request, Response, abort, current_app, g, render_template, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from idp import association, database, moments
from idp.accents import accent
from idp.database import db
from idp.directory.contacts import harmless_html
from idp.settings import Settings

log = structlog.get_logger()
csrf = CSRFProtect()

# The largest form is a bio; an upload has its own bound.
LARGEST_BODY = 2 * 1024 * 1024
READING_METHODS = {"GET", "HEAD", "OPTIONS"}
# What a form has around its file.
_AROUND_A_FILE = 64 * 1024

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Upload:
    """A form that carries a file: its body has at most ``largest`` bytes, if ``may`` lets whoever
    sends it."""

    largest: int
    may: Callable[[], bool] | None = None


def takes_a_file(largest: int, *, may: Callable[[], bool] | None = None) -> Callable[[View], View]:
    """Let a view's form carry a file of up to ``largest`` bytes; every other's body is bounded by
    ``LARGEST_BODY``. Stands innermost, below what makes the function a view.

    The file is read before the view is asked, since the form's CSRF token is behind it: ``may``
    says from whom so much is taken.
    """

    def mark(view: View) -> View:
        view.upload = Upload(largest + _AROUND_A_FILE, may)  # type: ignore[attr-defined]
        return view

    return mark


class CookieSessions(SecureCookieSessionInterface):
    """Flask's sessions in a signed cookie, whose signer is made once and not for each request."""

    _signer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The signer of the app's cookies."""
        if self._signer is None:
            self._signer = super().get_signing_serializer(app)
        return self._signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a request; one without cookies, as another site's server makes it, has
        an empty one."""
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie; a session that nobody looked at says nothing."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)


class App(Flask):
    """Flask, without what only asynchronous views need: each hook of each request is asked."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: all of ours are synchronous."""
        return func


class TextRequest(Request):
    """A request whose parameters are text: one with a NUL character in them is refused (400).

    No honest browser sends one, and Postgres keeps none: each would be a failure of ours.
    """

    @property
    def args(self) -> Any:
        """The parameters of the query string. Raises ``BadRequest``."""
        return _without_nul(super().args)

    def _load_form_data(self) -> None:
        super()._load_form_data()
        _without_nul(self.form)


def _without_nul(given: MultiDict[str, str]) -> MultiDict[str, str]:
    if any("\x00" in name or "\x00" in value for name, value in given.items(multi=True)):
        raise BadRequest("A parameter holds a NUL character.")
    return given


def init_app(app: Flask, settings: Settings) -> None:
    """Give an app the house's rules for every request."""
    app.request_class = TextRequest
    app.session_interface = CookieSessions()
    app.secret_key = settings.signing_key
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        MAX_FORM_PARTS=1000,
        SESSION_COOKIE_NAME="__Host-tessera" if settings.secure else "tessera",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PREFERRED_URL_SCHEME="https" if settings.secure else "http",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session lives
        # No Referer comes to us from our own forms: see Referrer-Policy below. The token and the
        # SameSite cookie are what protects them.
        WTF_CSRF_SSL_STRICT=False,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(_begin)
    csrf.init_app(app)
    app.teardown_request(_end)
    app.after_request(_headers)
    app.context_processor(_page_context)
    for words in (accent, moments.ago, moments.clock, moments.day, moments.until):
        app.add_template_filter(words)
    app.add_template_filter(rich_text)
    app.add_template_filter(browser_name)
    app.register_error_handler(CSRFError, _csrf_page)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(Exception, _failure_page)


def rich_text(bio: str) -> Markup:
    """A bio as HTML. It was cleaned when it was stored; cleaned again, a slip there is harmless."""
    html = Markup(harmless_html(bio))  # noqa: S704 (nh3 has just cleaned it)
    if "<" in html:
        return html
    return Markup("<p>{}</p>").format(html.replace("\n", Markup("<br>")))


def browser_name(agent: str) -> str:
    """A browser's name as people know it, from its User-Agent header."""
    names = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows"}
    systems |= {"Mac OS": "macOS", "Linux": "Linux"}
    name = next((name for sign, name in names.items() if sign in agent), "A browser")
    system = next((system for sign, system in systems.items() if sign in agent), "")
    return f"{name} on {system}" if system else name


def frame_sources(*origins: str) -> None:
    """Let the page at hand show these origins in frames (front-channel logout)."""
    g.frame_sources = origins


def form_may_leave() -> None:
    """Let the forms of the page at hand end, by redirect, at another site.

    Browsers hold `form-action` against every redirect that follows a form. A sign-in or sign-out
    form ends at a client, and that client's own redirects cannot be known here; any https
    address is allowed then, and plain http where we are on loopback ourselves.
    """
    secure = current_app.config["TESSERA"].secure
    g.form_targets = ("https:",) if secure else ("https:", "http:")


def csp_nonce() -> str:
    """What the scripts and styles of the page at hand carry, so that no other runs."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _begin() -> None:
    if "\x00" in request.path:
        abort(404)
    if request.method in READING_METHODS:
        database.start_reading()
        return
    # Before the form is read, which looking for its CSRF token does.
    upload = _upload()
    if upload is None:
        return
    if upload.may is None or upload.may():
        request.max_content_length = upload.largest
    # Nobody who writes waits for a file that is on its way (SQLite has one writer).
    db.session.rollback()


def _upload() -> Upload | None:
    view = current_app.view_functions.get(request.endpoint or "")
    upload: Upload | None = getattr(view, "upload", None)
    return upload


def _end(_error: BaseException | None) -> None:
    database.stop_reading()


_ALWAYS = (
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
# What is no page loads nothing and is shown in no frame.
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def _headers(response: Response) -> Response:
    headers = response.headers
    present = {name for name, _ in headers}
    for name, value in _ALWAYS:
        headers.add(name, value)
    if current_app.config["TESSERA"].secure:
        headers.add("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if "Content-Security-Policy" not in present:
        headers.add("Content-Security-Policy", _content_policy(response))
    if "Cache-Control" not in present and request.endpoint != "static":
        headers.add("Cache-Control", "no-store")
    return response


def _content_policy(response: Response) -> str:
    if response.mimetype != "text/html" or "Location" in response.headers:
        return _NO_PAGE
    frames = " ".join(g.get("frame_sources", ())) or "'none'"
    targets = " ".join(("'self'", *g.get("form_targets", ())))
    nonce = csp_nonce()
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' "
        f"'nonce-{nonce}'; img-src 'self' data:; frame-src {frames}; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


def _page_context() -> dict[str, Any]:
    here = association.get()
    moments.keep_zone(here)
    return {"association": here, "csp_nonce": csp_nonce()}


def _page(status: int, title: str, text: str) -> tuple[str, int]:
    db.session.rollback()
    return render_template("error.html", title=title, text=text, status=status), status


def _route() -> str:
    # Not the path itself: a link by mail has its secret there.
    return str(request.url_rule or "")


def _csrf_page(error: CSRFError) -> tuple[str, int]:
    log.info("form refused", reason=error.description, path=_route())
    return _page(
        400,
        "This page was open for too long",
        "For your safety the form was not taken. Go back, load the page again and repeat it.",
    )


def _error_page(error: HTTPException) -> Any:
    if error.response is not None:
        return error.response
    status = error.code or 500
    largest = (request.max_content_length or LARGEST_BODY) // 1024**2
    titles = {
        400: ("We could not understand that", "Go back and try again."),
        403: ("This is not for your account", "Ask your association if you think it should be."),
        404: ("There is no such page", "Check the address, or start at the first page."),
        405: ("That does not work here", "Go back and use the buttons of the page."),
        413: ("That is too large", f"Send something of at most {largest} MB."),
        429: ("Too many tries", "Wait a minute, then try again."),
    }
    if status not in titles and status < 500:
        titles[status] = (error.name, "Go back and try again.")
    title, text = titles.get(status, ("Something went wrong here", "Try again in a moment."))
    body, code = _page(status, title, text)
    response = Response(body, code, mimetype="text/html")
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after", "www-authenticate"}:
            response.headers[name] = value
    return response


def _failure_page(error: Exception) -> tuple[str, int]:
    # The trace is for the log alone; the number finds it there.
    number = secrets.token_hex(4)
    log.error("request failed", number=number, path=_route(), exc_info=error)
    return _page(
        500,
        "Something went wrong here",
        f"It is our fault, not yours. Tell your association the number {number}.",
    )
