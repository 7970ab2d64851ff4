"""Registering clients: making and changing them, their secrets, and the audit of it."""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, update

from idp import audit
from idp.database import db, now
from idp.directory.contacts import InvalidValue
from idp.oauth import client_secrets
from idp.oauth.client_secrets import ClientSecret
from idp.oauth.clients import Client
from idp.oauth.templates import TEMPLATES
from idp.signin.sessions import hashed

# How long the secret before this one is taken, so that the site can change over.
SECRET_OVERLAP = dt.timedelta(days=7)
_CHANGEABLE = frozenset(
    {
        "name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "frontchannel_logout_uri",
        "backchannel_logout_uri",
        "identifier_attribute",
        "pkce_required",
        "pushed_required",
        "consent_required",
        "authentication",
        "jwks",
        "signing_algorithm",
        "access_token_format",
        "claim_map",
        "permitted_groups",
    }
)


def create(
    name: str,
    template: str,
    redirect_uris: Sequence[str] = (),
    post_logout_redirect_uris: Sequence[str] = (),
    frontchannel_logout_uri: str | None = None,
    **more: Any,
) -> tuple[Client, str | None]:
    """Make a client; gives it and its secret, which is readable here and never again.

    ``more`` is what ``change`` takes. There is no secret for a client that authenticates
    otherwise. Raises ``InvalidValue``, ``TypeError``.
    """
    made_from = TEMPLATES.get(template)
    if made_from is None:
        raise InvalidValue(
            "template", "unknown_template", f"A template is one of {', '.join(TEMPLATES)}."
        )
    client = Client(
        client_id=_new_client_id(),
        template=made_from.name,
        name=name,
        authentication=made_from.authentication[0],
        redirect_uris=list(redirect_uris),
        post_logout_redirect_uris=list(post_logout_redirect_uris),
        frontchannel_logout_uri=frontchannel_logout_uri,
        scopes=made_from.scopes,
        pkce_required=made_from.pkce_required,
        consent_required=made_from.consent_required,
        version=1,
    )
    assigned = {name: after for name, (_before, after) in _assign(client, more).items()}
    secret = None
    if client.authentication == "client_secret":
        row, secret = client_secrets.new()
        client.secrets.append(row)
    db.session.add(client)
    audit.record(
        audit.Event.CLIENT_CREATED,
        client.client_id,
        name=client.name,
        template=client.template,
        changed=audit.changes({}, {"redirect_uris": client.redirect_uris, **assigned}),
    )
    return client, secret


def change(client: Client, **values: Any) -> Client:
    """Change what of a client can be changed; ``active=False`` puts it out of use, which ends
    its tokens at once.

    Raises ``InvalidValue``, and ``TypeError`` for what cannot be changed.
    """
    active = values.pop("active", None)
    changed = _assign(client, values)
    if active is not None and active != client.active:
        client.disabled_at = None if active else now()
        changed["active"] = [not active, active]
    if changed:
        audit.record(audit.Event.CLIENT_CHANGED, client.client_id, changed=changed)
    return client


def new_secret(client: Client, *, overlap: dt.timedelta = SECRET_OVERLAP) -> str:
    """Give a client another secret, readable here and never again.

    The one before is taken for ``overlap`` more; older ones end at once. Raises ``InvalidValue``
    for a client without secrets.
    """
    if client.authentication != "client_secret":
        raise InvalidValue("secret", "no_secret", "This client authenticates without a secret.")
    until = now() + overlap
    row, secret = client_secrets.new()
    lasting = [known for known in client.secrets if known.expires_at is None]
    client.secrets = [row, *lasting] if overlap else [row]
    for known in lasting:
        known.expires_at = until
    audit.record(
        audit.Event.CLIENT_SECRET_CHANGED,
        client.client_id,
        old_works_until=until if lasting else None,
    )
    return secret


def temporary_secret(client: Client, lifetime: dt.timedelta) -> str:
    """A secret beside the client's own that ends by itself: for a test of the connection."""
    row, secret = client_secrets.new(now() + lifetime)
    client.secrets = [row, *(known for known in client.secrets if known.good)]
    return secret


def end_temporary_secret(client_row_id: int, secret: str) -> None:
    """Void a temporary secret before its time, whatever became of the client's others."""
    db.session.execute(
        delete(ClientSecret).where(
            ClientSecret.client_id == client_row_id, ClientSecret.secret_hash == hashed(secret)
        )
    )
    db.session.execute(
        update(Client).where(Client.id == client_row_id).values(version=Client.version + 1)
    )


def end_old_secrets(client: Client) -> None:
    """Void every secret but the newest lasting one, at once."""
    client.secrets = [known for known in client.secrets if known.expires_at is None][:1]
    audit.record(audit.Event.CLIENT_SECRET_CHANGED, client.client_id, old="ended")


def _assign(client: Client, values: dict[str, Any]) -> dict[str, Any]:
    if unknown := values.keys() - _CHANGEABLE:
        raise TypeError(f"a client's {', '.join(sorted(unknown))} cannot be changed")
    if values.get("pkce_required") is False and client.made_from.pkce_required:
        raise InvalidValue(
            "pkce_required", "pkce_required", "Only a Higher Logic client may go without PKCE."
        )
    changed: dict[str, Any] = {}
    for name, value in values.items():
        before = _shown(name, getattr(client, name))
        setattr(client, name, value)
        after = _shown(name, getattr(client, name))
        if after != before:
            changed[name] = [before, after]
    if client.authentication == "private_key_jwt" and not client.jwks:
        raise InvalidValue("jwks", "missing_keys", "Give the public keys that the site signs with.")
    if "authentication" in changed and client.authentication != "client_secret":
        # Not kept for the day when somebody changes back.
        client.secrets = []
    if "permitted_groups" in values:
        # Also where no group changed: the one that was permitted may have been deleted.
        restricted = bool(client.permitted_groups)
        if restricted != bool(client.restricted):
            changed.setdefault("permitted_groups", [client.restricted, restricted])
        client.restricted = restricted
    return changed


def _shown(name: str, value: Any) -> Any:
    return [group.name for group in value] if name == "permitted_groups" else value


def _new_client_id() -> str:
    # S18: a client must never be taken for a person; no contact's key has this form.
    return f"client-{secrets.token_hex(12)}"
