"""Higher Logic's technical worksheet, filled out: what a client's staff need to be told.

It holds no secret, unless the caller has one that was made in the same request: kept are only
hashes, so there is none to show later.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from idp import association
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.oauth import claims, discovery
from idp.oauth.clients import Client

# What Higher Logic asks for, without `openid`.
SCOPE = "profile"
IN_THEIR_WORDS = {"Identifier attribute": "User AMS ID Attribute (identifier)"}
SECRET_APART = "given apart from this worksheet"  # noqa: S105
PASSWORD_APART = "given apart from this worksheet"  # noqa: S105


@dataclass(frozen=True)
class Worksheet:
    """All that the worksheet wants, as names and values in its own words.

    ``facts`` is what we tell Higher Logic, ``member`` how it can try (a test member's
    credentials), ``answer`` what our user-info URL says of that member, as JSON, and
    ``given_back`` what Higher Logic tells us; what is not known yet is empty.
    """

    title: str
    association: str
    facts: list[tuple[str, str]]
    member: list[tuple[str, str]]
    answer: str
    given_back: list[tuple[str, str]]


def of(client: Client, member: Account, secret: str | None = None) -> Worksheet:
    """The worksheet of a Higher Logic client with a test member.

    ``secret`` is one that was made just now, if it is to be on it.
    """
    person = member.person
    rows = [(IN_THEIR_WORDS.get(name, name), value) for name, value in told(client)]
    if client.authentication == "client_secret":
        place = next(n for n, (name, _value) in enumerate(rows) if name == "Client ID") + 1
        rows.insert(place, ("Client secret", secret or SECRET_APART))
    return Worksheet(
        title=f"Technical worksheet: {client.name}",
        association=association.get().name,
        facts=rows,
        member=[
            ("Name", person.title),
            ("User name", person.email),
            ("Password", PASSWORD_APART),
            ("Its key (Legacy Contact Key)", person.key),
        ],
        answer=json.dumps(answer(client, person), indent=2, ensure_ascii=False),
        given_back=[
            ("Callback URL", "\n".join(client.redirect_uris)),
            ("URL after logout", "\n".join(client.post_logout_redirect_uris)),
            ("Front-channel logout URL", client.frontchannel_logout_uri or ""),
            ("Back-channel logout URL", client.backchannel_logout_uri or ""),
        ],
    )


def answer(client: Client, person: Person) -> dict[str, Any]:
    """What the user-info URL tells the client of a person: made as it makes it."""
    columns: list[Any] = list(claims.COLUMNS)
    row = db.session.execute(select(*columns).where(Person.id == person.id)).one()
    return claims.userinfo(
        row, SCOPE, client.template, client.identifier_attribute, client.claim_map
    )


def told(client: Client) -> list[tuple[str, str]]:
    """Name and value of each fact that a client's staff need; none of them is a secret."""
    facts = discovery.metadata()
    if not client.made_from.signs_members_in:
        return [
            ("Token URL", facts["token_endpoint"]),
            ("Introspection URL", facts["introspection_endpoint"]),
            ("Client ID", client.client_id),
            ("Scope", client.scopes),
            ("Client authentication", authentication(client)),
        ]
    rows = [
        ("Authorization URL", facts["authorization_endpoint"]),
        ("Token URL", facts["token_endpoint"]),
        ("User-info URL", facts["userinfo_endpoint"]),
        ("Identifier attribute", client.identifier_attribute),
        ("Scope", SCOPE if client.is_higher_logic else client.scopes),
        ("Client ID", client.client_id),
        ("Client authentication", authentication(client)),
        ("Logout URL", facts["end_session_endpoint"]),
    ]
    if not client.is_higher_logic:
        rows.insert(0, ("Issuer", facts["issuer"]))
        rows.insert(1, ("Discovery", f"{facts['issuer']}/.well-known/openid-configuration"))
    return rows


def authentication(client: Client) -> str:
    """How a client proves itself at the token endpoint, in a phrase."""
    match client.authentication:
        case "none":
            return "none, with PKCE"
        case "private_key_jwt":
            return "an assertion signed with its key (private_key_jwt)"
        case _:
            return "HTTP Basic (client_secret_basic); in the body works as well"


def as_text(sheet: Worksheet) -> str:
    """The worksheet as plain text, for a terminal or a mail."""
    width = max(len(name) for name, _value in (*sheet.facts, *sheet.member, *sheet.given_back))
    lines = [sheet.title, sheet.association, ""]
    for title, rows in (
        ("For Higher Logic", sheet.facts),
        ("A member to try with", sheet.member),
        ("From Higher Logic", sheet.given_back),
    ):
        lines.append(title)
        for name, value in rows:
            first, *more = value.split("\n")
            lines.append(f"  {name:<{width}}  {first or '…'}")
            lines += [f"  {'':<{width}}  {line}" for line in more]
        lines.append("")
    lines += ["What the user-info URL answers for this member", sheet.answer]
    return "\n".join(lines)
