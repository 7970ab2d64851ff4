"""The checks of who is signed in, in the order in which they are made, after ``checks``.

Each is one rule with one name; each raises, and the endpoint decides what a refusal looks like.
"""

from idp.database import now
from idp.directory.contacts import is_key_of
from idp.oauth import consents, grants, reauthentication
from idp.oauth.checks import Authorization, Check, check_pushed
from idp.oauth.errors import AccessDenied, ConsentRequired, LoginRequired
from idp.signin import sessions


class SignInNeeded(Exception):
    """Somebody has to sign in first; ``again`` when somebody is signed in already."""

    def __init__(self, *, again: bool) -> None:
        self.again = again
        super().__init__()


class NotPermitted(Exception):
    """The member is in none of the groups that the client is for."""


class ConsentNeeded(Exception):
    """The member has to be asked first whether the client may know what it asks for."""


def check_signed_in(asked: Authorization) -> None:
    """Somebody is signed in here."""
    asked.sign_in = sessions.signed_in()
    if asked.sign_in is None:
        _need_sign_in(asked, again=False)


def check_sign_in_is_fresh(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: ``prompt=login`` and ``max_age`` ask for a new sign-in.

    A sign-in that came after we had sent the browser to it for this client is new enough,
    whatever ``max_age`` says: with 0 there would be no end.
    """
    if asked.sign_in is None:
        return
    age = (now() - asked.sign_in.started_at).total_seconds()
    too_old = asked.max_age is not None and age > asked.max_age
    if not too_old and not asked.prompts & {"login", "select_account"}:
        return
    if not _signed_in_since_asked(asked):
        _need_sign_in(asked, again=True)


def check_meant_person(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1 and 3.1.2.2: with a hint or a ``sub``, that person or none."""
    if asked.sign_in is None or _is_meant(asked, asked.sign_in.subject):
        return
    if _signed_in_since_asked(asked):
        raise LoginRequired("Another member than the one who is meant is signed in.")
    _need_sign_in(asked, again=True)


def _is_meant(asked: Authorization, subject: str) -> bool:
    # A `sub` that is asked for by its value is that value or none (5.5.1): an alias of it is not.
    if asked.subjects is not None and subject not in asked.subjects:
        return False
    return asked.hinted is None or is_key_of(asked.hinted, subject)


def check_permitted(asked: Authorization) -> None:
    """A client may be for the members of some groups alone; what it had of others ends by itself
    (``grants.alive``)."""
    if not asked.client.restricted or asked.sign_in is None:
        return
    if grants.is_permitted(asked.client, asked.sign_in.person_id):
        return
    if asked.silent:
        raise AccessDenied("The member is in none of the groups that may sign in here.")
    raise NotPermitted


def check_consent(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.4: who is not the association's own site needs the member's leave.

    It covers what was allowed before; more, or ``prompt=consent``, is asked about again.
    """
    client = asked.client
    if not client.consent_required or asked.sign_in is None:
        return
    if "consent" not in asked.prompts and consents.covers(
        asked.sign_in.account_id, client, asked.scope_to_allow
    ):
        return
    if asked.silent:
        raise ConsentRequired("The member has to be asked first.")
    raise ConsentNeeded


SIGN_IN_CHECKS: tuple[Check, ...] = (
    check_pushed,
    check_signed_in,
    check_sign_in_is_fresh,
    check_meant_person,
    check_permitted,
    check_consent,
)


def _signed_in_since_asked(asked: Authorization) -> bool:
    asked_at = reauthentication.asked_at(asked.parameters)
    return (
        asked_at is not None and asked.sign_in is not None and asked.sign_in.started_at >= asked_at
    )


def _need_sign_in(asked: Authorization, *, again: bool) -> None:
    if asked.silent:
        raise LoginRequired("The member has to sign in.")
    raise SignInNeeded(again=again)
