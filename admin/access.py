"""Who may see and do what in the panel, in one place.

Every view of the panel is a ``PanelView``, which asks ``TABLE`` before each of its pages: one that
is looked at needs *see*, one that is sent a form needs *change*, unless the page itself names
another action. A view, or an action, that is not in the table cannot be made. ``may`` asks the same
for what a page shows, so that a button or a link that somebody may not use is not there.

``docs/roles.md`` is made of the table and of the pages (``make roles``).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from flask import abort, current_app, redirect, request, url_for
from flask_admin import BaseView, expose
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from idp.database import db
from idp.directory.accounts import Account, Role
from idp.signin import confirmation, sessions

Roles = frozenset[Role]

EVERYBODY: Roles = frozenset({"owner", "staff", "reader", "help-desk"})
READERS: Roles = frozenset({"owner", "staff", "reader"})
HELPERS: Roles = frozenset({"owner", "staff", "help-desk"})
STAFF: Roles = frozenset({"owner", "staff"})
OWNER: Roles = frozenset({"owner"})

TABLE: dict[str, dict[str, Roles]] = {
    "panel": {"see": EVERYBODY, "change": STAFF, "export": READERS},
    "panel_set_up": {"see": READERS, "change": STAFF, "launch": OWNER},
    "panel_people": {
        "see": EVERYBODY,
        "help": HELPERS,
        "change": STAFF,
        "export": READERS,
        "appoint": OWNER,
    },
    "panel_companies": {"see": EVERYBODY, "change": STAFF, "export": READERS},
    "panel_imports": {"see": READERS, "change": STAFF, "export": READERS},
    "panel_fields": {"see": READERS, "change": STAFF, "export": READERS},
    "panel_groups": {"see": EVERYBODY, "change": STAFF, "export": READERS, "decide": OWNER},
    "panel_staff": {"see": EVERYBODY},
    "panel_association": {"see": OWNER, "change": OWNER},
    "panel_integrations": {"see": OWNER, "change": OWNER},
    "panel_clients": {"see": OWNER, "change": OWNER, "export": OWNER},
    "panel_audit": {"see": OWNER, "change": OWNER, "export": OWNER},
}

# Whose accounts a role looks after: how they sign in, and whether.
MANAGES: dict[str, Roles] = {
    "owner": frozenset({"owner", "staff", "reader", "help-desk", "member"}),
    "staff": frozenset({"staff", "reader", "help-desk", "member"}),
    "help-desk": frozenset({"help-desk", "member"}),
}


@dataclass(frozen=True)
class Needs:
    """What a page needs of who opens it (``get``) and of who sends it a form (``post``).

    A request by one of the methods in ``sensitive`` needs the password, given not long ago.
    """

    get: str
    post: str
    sensitive: frozenset[str] = frozenset()

    def of(self, method: str) -> str:
        """The action that a request of this method is."""
        return self.get if method in {"GET", "HEAD"} else self.post

    def password(self, method: str) -> bool:
        """Whether a request of this method needs a password that was given not long ago."""
        return ("GET" if method == "HEAD" else method) in self.sensitive


@dataclass(frozen=True)
class Page:
    """A page of a view: its name in the view, its path below the view's, what it needs."""

    name: str
    path: str
    methods: frozenset[str]
    needs: Needs
    says: str


def allowed(role: str, view: str, action: str) -> bool:
    """Whether a role may do this on a view: what the table says."""
    return role in TABLE[view][action]


def may(name: str, method: str = "") -> bool:
    """Whether who is signed in may open a page of the panel, say ``panel_people.edit``, or send it
    a form (``POST``). A page that only takes forms is asked about its form."""
    account = sessions.current_account()
    function: Any = current_app.view_functions[name]
    method = method or ("GET" if "GET" in function.methods_of_page else "POST")
    action = cast(Needs, function.needs).of(method)
    return account is not None and allowed(account.role, name.partition(".")[0], action)


def may_see(view: str) -> bool:
    """Whether a view is open to who is signed in."""
    account = sessions.current_account()
    return account is not None and allowed(account.role, view, "see")


def may_send(address: str = "") -> bool:
    """Whether who is signed in may send a form to an address of ours (none: the one at hand)."""
    account = sessions.current_account()
    return account is not None and may_be_sent_by(address, account.role)


def may_be_sent_by(address: str, role: str) -> bool:
    """Whether a role may send a form to an address of ours (none: the one at hand)."""
    path = unquote(urlsplit(address).path) or request.path
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return False
    try:
        name, _arguments = adapter.match(path, method="POST")
    except HTTPException:
        return False
    view = name.partition(".")[0]
    if view not in TABLE:
        return True
    function: Any = current_app.view_functions[name]
    return allowed(role, view, cast(Needs, function.needs).post)


def may_manage(account: Account | None) -> bool:
    """Whether who is signed in may change this account and how it signs in.

    Only an owner manages an owner: staff who could change an owner's address and have a link
    sent there would be owners themselves. In the same way the help desk manages no staff.
    """
    return account is None or account.role in MANAGES.get(signed_in().role, frozenset())


def want_password(account: Account | None) -> None:
    """Ask for the password again before an account that opens the panel comes to another address.

    A link for a new password goes there: a session alone would become the account.
    """
    if account is not None and account.role != "member":
        want_password_again()


def want_password_again() -> None:
    """Ask for the password where only what a form holds tells that something is sensitive: what
    was not saved yet is dropped, and the request ends, unless it was given not long ago."""
    if not confirmation.is_recent():
        db.session.rollback()
        abort(confirmation.ask())


def may_decide_removals() -> bool:
    """Whether who is signed in may let go or keep what the removal guard holds: an owner.

    Staff see who is held: they made the change, and somebody else is to look at it.
    """
    return allowed(signed_in().role, "panel_groups", "decide")


def signed_in() -> Account:
    """Who is signed in; only for views that let nobody else in."""
    account = sessions.current_account()
    if account is None:
        abort(403)
    return account


View = TypeVar("View", bound=Callable[..., Any])


def page(
    path: str,
    methods: Iterable[str] = ("GET",),
    *,
    get: str = "see",
    post: str = "change",
    sensitive: Iterable[str] = (),
) -> Callable[[View], View]:
    """Make a method of a ``PanelView`` a page: Flask-Admin's ``expose``, with what it needs.

    ``get`` and ``post`` are actions of the view's row in the table. A page that is nothing but a
    form to change something has ``get="change"``: who may not send it need not see it. For the
    methods in ``sensitive`` the password is asked for again (``confirmation``).
    """

    def made(view: View) -> View:
        view.needs = Needs(get, post, frozenset(sensitive))  # type: ignore[attr-defined]
        view.methods_of_page = frozenset(methods)  # type: ignore[attr-defined]
        return cast(View, expose(path, methods)(view))

    return made


class PanelView(BaseView):  # type: ignore[misc]
    """A page of the panel, or several about one subject."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.endpoint not in TABLE:
            raise ValueError(f"{self.endpoint} is not in the table of roles")
        for one in self.pages():
            wanted = {one.needs.of(method) for method in one.methods}
            if missing := wanted - TABLE[self.endpoint].keys():
                raise ValueError(f"{self.endpoint} has no {missing} in the table of roles")

    @classmethod
    def pages(cls) -> Iterator[Page]:
        """The pages of the view. One that was not made with ``page`` raises ``ValueError``."""
        for path, name, methods in cls._urls:
            function = getattr(cls, name)
            if not hasattr(function, "needs"):
                raise ValueError(f"{cls.__name__}.{name} says not what it needs")
            yield Page(name, path, frozenset(methods), function.needs, function.__doc__ or "")

    def is_accessible(self) -> bool:
        """What the menu asks of each of its entries."""
        return may_see(cast(str, self.endpoint))

    def _handle_view(self, name: str, **_arguments: Any) -> Response | None:
        # What Flask-Admin asks before every page. Nobody yet: sign in and come back.
        account = sessions.current_account()
        if account is None:
            return redirect(url_for("signin.sign_in", next=confirmation.page_of_request()), 303)
        needs: Needs = getattr(type(self), name).needs
        if not allowed(account.role, cast(str, self.endpoint), needs.of(request.method)):
            abort(403)
        if needs.password(request.method) and not confirmation.is_recent():
            return confirmation.ask()
        return None

    def render(self, template: str, **values: Any) -> str:
        """A page of the panel; it knows who is signed in."""
        return cast(str, super().render(template, account=signed_in(), **values))

    def _run_view(self, fn: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
        # Flask-Admin's own calls the view once more after any TypeError inside of it.
        return fn(self, *arguments, **values)
