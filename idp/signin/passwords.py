"""Passwords: what an account has, and the rules for a new one (NIST SP 800-63B, OWASP ASVS 5 §6.2).

Hashing waits for its turn (``hashing``), so no transaction is open meanwhile: what verifies or
prepares a password ends the one at hand, which must have done nothing but read. What the account
was before is read again afterwards.
"""

import unicodedata

from idp import audit
from idp.database import db
from idp.directory import changes
from idp.directory.accounts import Account
from idp.signin import hashing

SHORTEST = 10
LONGEST = 256


class WeakPassword(ValueError):
    """A new password that we do not take; the text says why."""


def set_password(account: Account, password: str) -> None:
    """Give an account a password and end every session and token that it had.

    Hashes inside the transaction at hand: for the command line. A page uses ``prepare`` and
    ``take``. Raises ``WeakPassword``.
    """
    check_strength(password, account)
    take(account, hashing.make(_normal(password)))


def prepare(account: Account, password: str) -> str:
    """What ``take`` makes the account's password of; ends the transaction at hand.

    Raises ``WeakPassword``, ``HashingBusy``.
    """
    check_strength(password, account)
    db.session.rollback()
    return hashing.make(_normal(password))


def take(account: Account, prepared: str) -> None:
    """Give an account a prepared password and end every session and token that it had."""
    # Conditions ask who has chosen one, so the person is announced: their record is held before
    # their account, as whoever puts the record out of use does. An account that is just being
    # made is nobody else's yet.
    if account.id is not None:
        changes.hold(account.person_id)
    account.end_everything()
    account.password_hash = prepared
    audit.record(audit.Event.PASSWORD_SET, account.person.key)


def check_strength(password: str, account: Account) -> None:
    """Refuse a password that is too short, too long, or one of the first that anyone would guess.

    Raises ``WeakPassword``.
    """
    text = _normal(password)
    if len(text) < SHORTEST:
        raise WeakPassword(f"A password has at least {SHORTEST} characters.")
    if len(text) > LONGEST:
        raise WeakPassword(f"A password has at most {LONGEST} characters.")
    folded = text.casefold()
    mine = [account.email_key, account.email_key.split("@")[0]]
    mine += [account.person.first_name.casefold(), account.person.last_name.casefold()]
    if folded in mine or len(set(folded)) < 4 or folded in _COMMON:
        raise WeakPassword("This password is too easy to guess.")


def verify(account: Account | None, password: str) -> bool:
    """Whether the password is the account's; ends the transaction at hand.

    Costs the same whether or not there is such an account, so that the time taken tells nobody
    who has one (S24). A hash made with other parameters is made anew. Raises ``HashingBusy``.
    """
    known = account.password_hash if account is not None else None
    db.session.rollback()
    if len(password) > LONGEST:
        return False
    good, renewed = hashing.verify(known, _normal(password))
    # Who was given another password in the meantime is not who knew the old one.
    if not good or account is None or account.password_hash != known:
        return False
    if renewed is not None:
        account.password_hash = renewed
    return True


def _normal(password: str) -> str:
    # The same password typed on another keyboard has the same code points (SP 800-63B 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


_COMMON = frozenset(
    (
        "1234567890 12345678910 qwertyuiop password12 password123 password1234 passwort123 "
        "letmein123 welcome123 iloveyou12 administrator changeme123 1q2w3e4r5t 1qaz2wsx3edc "
        "qwerty12345 qwerty1234 abcdefghij 0987654321 football123 monkey12345 dragon12345 "
        "sunshine123 princess123 membership association"
    ).split()
)
