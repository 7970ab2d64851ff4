"""Passwords: Argon2id hashes, and the rules for a new one (NIST SP 800-63B, OWASP ASVS 5 §6.2)."""

import functools
import unicodedata

import argon2

from idp import audit
from idp.directory.accounts import Account

SHORTEST = 10
LONGEST = 256

# OWASP's password storage cheat sheet asks for 19 MiB and t=2 at the least; these are argon2-cffi's
# low-memory profile of RFC 9106 (64 MiB, t=3, p=4).
hasher = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)


class WeakPassword(ValueError):
    """A new password that we do not take; the text says why."""


def set_password(account: Account, password: str) -> None:
    """Give an account a password and end every session and token that it had.

    Raises ``WeakPassword``.
    """
    check_strength(password, account)
    account.password_hash = hasher.hash(_normal(password))
    account.end_everything()
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
    """Whether the password is the account's.

    Costs the same whether or not there is such an account, so that the time taken tells nobody
    who has one (S24). A hash made with other parameters is made anew.
    """
    known = account.password_hash if account is not None else None
    if len(password) > LONGEST:
        return False
    text = _normal(password)
    try:
        hasher.verify(known or _nobodys_hash(), text)
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
        return False
    if account is None or known is None:
        return False
    if hasher.check_needs_rehash(known):
        account.password_hash = hasher.hash(text)
    return True


def _normal(password: str) -> str:
    # The same password typed on another keyboard has the same code points (SP 800-63B 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


@functools.cache
def _nobodys_hash() -> str:
    return hasher.hash("nobody has this password")


_COMMON = frozenset(
    (
        "1234567890 12345678910 qwertyuiop password12 password123 password1234 passwort123 "
        "letmein123 welcome123 iloveyou12 administrator changeme123 1q2w3e4r5t 1qaz2wsx3edc "
        "qwerty12345 qwerty1234 abcdefghij 0987654321 football123 monkey12345 dragon12345 "
        "sunshine123 princess123 membership association"
    ).split()
)
