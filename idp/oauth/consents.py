"""Consent: what members allowed clients that must ask them, kept until they withdraw it."""

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import ForeignKey, Row, String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit
from idp.database import Base, UTCDateTime, db, now
from idp.directory.accounts import Account
from idp.oauth import claim_mapping
from idp.oauth.claim_mapping import ClaimMap
from idp.oauth.clients import Client
from idp.oauth.grants import Grant

_MAPPING = "mapping:"


class Consent(Base):
    """One member's leave for one client, and the scope that it covers (see ``needed``)."""

    __tablename__ = "oauth_consent"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scope: Mapped[str] = mapped_column(String(255))
    given_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)


def needed(client: Client, scopes: Iterable[str]) -> str:
    """What a member has to allow before a client gets some scopes, as the scope of a consent.

    What the client's mapping gives away beyond the scope's own claims is a part of it, as a
    fingerprint: when it comes to give away something else, the member is asked again.
    """
    parts = list(scopes)
    if client.is_higher_logic:
        parts += ["profile", "email"]  # its userinfo is always the same
    if client.claim_map and "profile" in parts:
        parts.append(_leave_for(client.claim_map))
    return " ".join(dict.fromkeys(parts))


GIVEN = (
    select(Consent.scope)
    .where(Consent.account_id == Grant.account_id, Consent.client_id == Grant.client_id)
    .scalar_subquery()
    .label("consent_given")
)
"""For a statement that reads a grant: the scope of the consent that its member gave."""
_OF_GRANT = select(GIVEN).select_from(Grant).where(Grant.id == bindparam("grant_id"))


def allowed_mapping(claim_map: ClaimMap, *, asked: bool, given: str | None) -> ClaimMap:
    """What of a mapping may be told by tokens that were issued before it: all or nothing.

    A client whose members are ``asked`` gets none of one that the scope of their consent
    (``GIVEN``) does not cover; they are asked when they next sign in there.
    """
    covered = not claim_map or not asked or _leave_for(claim_map) in (given or "").split()
    return claim_map if covered else {}


def mapping_for(client: Client, grant_id: int) -> ClaimMap:
    """What of a client's mapping may be told of a grant's member; costs a statement or two when
    the client has one and its members are asked."""
    if not client.claim_map or not client.consent_required:
        return client.claim_map
    given = db.session.execute(_OF_GRANT, {"grant_id": grant_id}).scalar()
    return allowed_mapping(client.claim_map, asked=True, given=given)


def _leave_for(claim_map: ClaimMap) -> str:
    return _MAPPING + claim_mapping.fingerprint(claim_map)


def has_mapping(scope: str) -> bool:
    """Whether the scope of a consent covers a mapping."""
    return any(part.startswith(_MAPPING) for part in scope.split())


def covers(account_id: int, client: Client, scope: str) -> bool:
    """Whether the member has allowed this client all of a scope already."""
    given = db.session.scalar(
        select(Consent.scope).where(
            Consent.account_id == account_id, Consent.client_id == client.id
        )
    )
    return given is not None and set(scope.split()) <= set(given.split())


def give(account_id: int, client: Client, scope: str) -> None:
    """Keep a member's leave; it adds to what they allowed before, save an older mapping."""
    # Who presses twice, or in two windows, takes turns: both see what the other has kept.
    held = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    db.session.execute(held)
    known = db.session.get(Consent, (account_id, client.id))
    if known is None:
        db.session.add(Consent(account_id=account_id, client_id=client.id, scope=scope))
    else:
        kept = known.scope.split()
        if has_mapping(scope):
            kept = [part for part in kept if not part.startswith(_MAPPING)]
        known.scope = " ".join(dict.fromkeys([*kept, *scope.split()]))
        known.given_at = now()
    audit.record(audit.Event.CONSENT_GIVEN, client.client_id, scope=scope)


def withdraw(account_id: int, client_row_id: int) -> bool:
    """Take a leave back: every grant of the member to the client ends with it, at once.

    Says whether there was one.
    """
    client_id = db.session.scalar(
        delete(Consent)
        .where(Consent.account_id == account_id, Consent.client_id == client_row_id)
        .returning(select(Client.client_id).where(Client.id == client_row_id).scalar_subquery())
    )
    if client_id is None:
        return False
    db.session.execute(
        update(Grant)
        .where(
            Grant.account_id == account_id,
            Grant.client_id == client_row_id,
            Grant.revoked_at.is_(None),
        )
        .values(revoked_at=now())
        .execution_options(synchronize_session=False)
    )
    audit.record(audit.Event.CONSENT_WITHDRAWN, client_id)
    return True


def of_account(account_id: int) -> Sequence[Row[int, str, str, dt.datetime, dict[str, str]]]:
    """What a member allowed: the client's row id and name, the scope, when, and its mapping."""
    return db.session.execute(
        select(Client.id, Client.name, Consent.scope, Consent.given_at, Client.claim_map)
        .join(Client, Client.id == Consent.client_id)
        .where(Consent.account_id == account_id)
        .order_by(Client.name, Client.id)
    ).all()
