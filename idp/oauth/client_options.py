"""The options of ``tessera client create`` and ``change``: what of a client they set.

What is not given stays as it is (or as the template has it). A list is given whole, and an empty
text empties it.
"""

import json
from collections.abc import Callable, Sequence
from typing import IO, Any, get_args

import click
from sqlalchemy import select

from idp.database import db
from idp.directory import groups
from idp.directory.groups import Group
from idp.oauth import clients
from idp.oauth.templates import Authentication

_LARGEST_JWKS = 64 * 1024

_OPTIONS = (
    click.option(
        "--redirect-uri",
        "redirect_uris",
        multiple=True,
        help="Where codes are sent; web and phone apps need one. May be repeated.",
    ),
    click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        multiple=True,
        help="Where the site may send members after signing out. May be repeated.",
    ),
    click.option(
        "--frontchannel-logout-uri", help="Where a browser tells the site that a session ended."
    ),
    click.option(
        "--backchannel-logout-uri", help="Where this server tells the site that a session ended."
    ),
    click.option(
        "--identifier-attribute", help="The claim that carries the key to a Higher Logic client."
    ),
    click.option(
        "--authentication",
        type=click.Choice(get_args(Authentication)),
        help="How it proves who it is: a secret, a signed assertion, or not at all.",
    ),
    click.option(
        "--jwks",
        type=click.File("rb"),
        metavar="FILE",
        help="Public keys (a JWK set) that it signs with, for private_key_jwt; - reads them in.",
    ),
    click.option(
        "--signing-algorithm",
        type=click.Choice(clients.ALGORITHMS),
        help="How its tokens are signed.",
    ),
    click.option(
        "--access-token-format",
        type=click.Choice(clients.ACCESS_TOKEN_FORMATS),
        help="What its access tokens look like; a JWT is by RFC 9068.",
    ),
    click.option(
        "--pkce-required/--no-pkce-required",
        default=None,
        help="Only a Higher Logic client may go without PKCE.",
    ),
    click.option(
        "--pushed-required/--no-pushed-required",
        default=None,
        help="Whether it has to push its authorization requests (RFC 9126).",
    ),
    click.option(
        "--consent-required/--no-consent-required",
        default=None,
        help="Whether members are asked before it is told who they are.",
    ),
    click.option(
        "--permit-group",
        "permit_groups",
        metavar="GROUP",
        multiple=True,
        help="Only members of this group (its key or its name) may sign in. May be repeated.",
    ),
    click.option("--permit-everyone", is_flag=True, help="Every member may sign in."),
)


def settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def values(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, as ``registration`` takes it. Raises ``click.ClickException``."""
    given = {name: value for name, value in given.items() if value not in (None, ())}
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        if name in given:
            given[name] = [uri for uri in given[name] if uri]
    if "jwks" in given:
        given["jwks"] = _read_jwks(given["jwks"])
    everyone, permitted = given.pop("permit_everyone", False), given.pop("permit_groups", ())
    if everyone and permitted:
        raise click.UsageError("--permit-group and --permit-everyone exclude each other.")
    if everyone or permitted:
        given["permitted_groups"] = _groups(permitted)
    return given


def _read_jwks(file: IO[bytes]) -> Any:
    text = file.read(_LARGEST_JWKS + 1)
    if len(text) > _LARGEST_JWKS:
        raise click.ClickException(f"The JWK set is larger than {_LARGEST_JWKS} bytes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise click.ClickException("The JWK set is no JSON.") from None


def _groups(names: Sequence[str]) -> list[Group]:
    return [_group(name) for name in dict.fromkeys(names)]


def _group(name: str) -> Group:
    found = groups.find(name)
    if found is not None:
        return found
    named = db.session.scalars(select(Group).where(Group.name == name)).all()
    if not named:
        raise click.ClickException(f"There is no group {name}.")
    if len(named) > 1:
        raise click.ClickException(f"Several groups are called {name}: give the key of one.")
    return named[0]
