"""When clients and their secrets were last used: true to the hour, for a sign-on must not cost a
write for it.

Written along with what the client was given, in the same transaction. Each process remembers what
it noted, and what another one noted is not written again. The client's version stays: nobody who
keeps a copy of it has to read it anew.
"""

import datetime as dt

from flask import current_app
from sqlalchemy import bindparam, or_, update

from idp.database import now
from idp.oauth.client_secrets import ClientSecret
from idp.oauth.clients import Client
from idp.prepared import Prepared

EXACT_TO = dt.timedelta(hours=1)
_EXTENSION = "tessera-last-used"
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)

_Use = tuple[int, int | None]


def _noting(model: type[Client] | type[ClientSecret]) -> Prepared:
    noted_long_ago = or_(
        model.last_used_at.is_(None), model.last_used_at <= bindparam("an_hour_ago")
    )
    return Prepared(
        update(model)
        .where(model.id == bindparam("row_id"), noted_long_ago)
        .values(last_used_at=bindparam("moment"))
    )


_CLIENT, _SECRET = _noting(Client), _noting(ClientSecret)


def is_due(client: Client, secret: ClientSecret | None) -> bool:
    """Whether this process has noted nothing of this use for an hour."""
    return _noted().get(_use(client, secret), _NEVER) <= now() - EXACT_TO


def note(client: Client, secret: ClientSecret | None) -> None:
    """A client proved who it is and got what it asked for, by this ``secret`` if by one.

    What is noted in a transaction that fails after all is noted again an hour later.
    """
    if not is_due(client, secret):
        return
    moment = now()
    an_hour_ago = moment - EXACT_TO
    _noted()[_use(client, secret)] = moment
    _CLIENT.write(row_id=client.id, moment=moment, an_hour_ago=an_hour_ago)
    if secret is not None:
        _SECRET.write(row_id=secret.id, moment=moment, an_hour_ago=an_hour_ago)


def _noted() -> dict[_Use, dt.datetime]:
    noted: dict[_Use, dt.datetime] = current_app.extensions.setdefault(_EXTENSION, {})
    return noted


def _use(client: Client, secret: ClientSecret | None) -> _Use:
    return client.id, None if secret is None else secret.id
