"""Who may see and do what in the panel, in one place.

Every view of the panel is a ``PanelView``: Flask-Admin asks it before each of its pages, and the
menu leaves out what it refuses. ``ROLES`` is the whole table; a view that is not in it cannot be
made.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from flask import abort
from flask_admin import BaseView, expose
from werkzeug.wrappers import Response

from idp.directory.accounts import Account
from idp.signin import sessions

STAFF = frozenset({"staff", "owner"})
OWNER = frozenset({"owner"})

ROLES: dict[str, frozenset[str]] = {
    "panel": STAFF,
    "panel_people": STAFF,
    "panel_companies": STAFF,
    "panel_imports": STAFF,
    "panel_fields": STAFF,
    "panel_groups": STAFF,
    "panel_integrations": OWNER,
    "panel_clients": OWNER,
    "panel_audit": OWNER,
}


def may_see(endpoint: str) -> bool:
    """Whether a view is open to who is signed in."""
    account = sessions.current_account()
    return account is not None and account.role in ROLES[endpoint]


def may_manage(account: Account | None) -> bool:
    """Whether who is signed in may change this account and how it signs in.

    Only an owner manages an owner: staff who could change an owner's address and have a link
    sent there would be owners themselves.
    """
    return account is None or not account.is_owner or signed_in().is_owner


def may_decide_removals() -> bool:
    """Whether who is signed in may let go or keep what the removal guard holds: an owner.

    Staff see who is held: they made the change, and somebody else is to look at it.
    """
    return signed_in().is_owner


def signed_in() -> Account:
    """Who is signed in; only for views that let nobody else in."""
    account = sessions.current_account()
    if account is None:
        abort(403)
    return account


View = TypeVar("View", bound=Callable[..., Any])


def page(path: str, methods: Iterable[str] = ("GET",)) -> Callable[[View], View]:
    """Make a method of a ``PanelView`` a page: Flask-Admin's ``expose``, with its type."""
    return cast(Callable[[View], View], expose(path, methods))


class PanelView(BaseView):  # type: ignore[misc]
    """A page of the panel, or several about one subject."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.endpoint not in ROLES:
            raise ValueError(f"{self.endpoint} is not in the table of roles")

    def is_accessible(self) -> bool:
        """What Flask-Admin asks before every page, and of every entry of the menu."""
        return may_see(cast(str, self.endpoint))

    def inaccessible_callback(self, _name: str, **_arguments: Any) -> Response:
        """Nobody yet: sign in and come back. Somebody else: 403."""
        if sessions.current_account() is None:
            return sessions.to_sign_in()
        return abort(403)

    def render(self, template: str, **values: Any) -> str:
        """A page of the panel; it knows who is signed in and what they may see."""
        return cast(str, super().render(template, account=signed_in(), may_see=may_see, **values))

    def _run_view(self, fn: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
        # Flask-Admin's own calls the view once more after any TypeError inside of it.
        return fn(self, *arguments, **values)
