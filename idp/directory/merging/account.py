"""At most one account survives a merge: the one that goes ends with its sessions and tokens."""

from typing import Literal

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue, Person, email_key

Whose = Literal["kept", "other"]


def chosen(
    mine: Account | None, its: Account | None, whose: Whose | None
) -> tuple[Account | None, Account | None]:
    """Of the accounts of the person who is kept and of the other, the one that stays and the one
    that goes.

    Raises ``InvalidValue`` with the reasons ``choose_account`` (both have one, and nobody chose),
    ``no_account`` (the chosen one is not there) or ``last_owner``.
    """
    if whose is None and mine is not None and its is not None:
        raise InvalidValue(
            "account", "choose_account", "Both have an account: choose the one that stays."
        )
    if whose is None:
        whose = "other" if mine is None else "kept"
    stays, goes = (mine, its) if whose == "kept" else (its, mine)
    if stays is None and goes is not None:
        raise InvalidValue("account", "no_account", "The chosen record has no account.")
    if goes is not None and accounts.is_last_owner(goes):
        raise InvalidValue("account", "last_owner", "The last owner's account stays.")
    return stays, goes


def end(stays: Account | None, goes: Account | None, kept: Person) -> None:
    """End the account that goes, and what stands on a key that is not the person's any more.

    A site knows who signed in by their key: an account that comes to another key begins anew.
    """
    if goes is not None:
        goes.end_everything()
    if stays is not None and stays.person is not kept:
        stays.end_everything()
    # While the rows still tell which sites are to hear of it.
    db.session.flush()
    if goes is not None:
        db.session.delete(goes)
        db.session.flush()


def hand_over(account: Account, kept: Person, address: str) -> None:
    """Make the account the kept person's, who signs in with ``address`` from now on.

    Raises ``InvalidValue`` with the reasons ``account_without_email`` or ``duplicate_email``.
    """
    if not address:
        raise InvalidValue("email", "account_without_email", "An account needs an e-mail address.")
    holder = accounts.find(address)
    if holder is not None and holder is not account:
        raise InvalidValue("email", "duplicate_email", f"Another account signs in with {address}.")
    account.person = kept
    account.email_key = email_key(address)
    db.session.flush()
