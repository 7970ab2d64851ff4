"""The command line of the authorization server: clients, keys and garbage collection."""

import json
from typing import Any

import click

from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import client_options, clients, registration
from idp.oauth import keys as signing_keys
from idp.oauth import tidy as garbage
from idp.oauth.clients import Client
from idp.oauth.higher_logic_commands import self_test_command, worksheet_command
from idp.oauth.templates import TEMPLATES


@click.group("client")
def client() -> None:
    """Sites that sign members in here."""


client.add_command(worksheet_command)
client.add_command(self_test_command)


@client.command("create")
@click.argument("name")
@click.option("--template", type=click.Choice(tuple(TEMPLATES)), required=True)
@client_options.settings
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def create_client(name: str, template: str, as_json: bool, **given: Any) -> None:
    """Make a client. Its secret is shown once, here; who has none is shown none."""
    values = client_options.values(given)
    try:
        made, secret = registration.create(name, template, **values)
    except InvalidValue as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    if as_json:
        click.echo(json.dumps({"client_id": made.client_id, "client_secret": secret}))
        return
    click.echo(f"client_id: {made.client_id}")
    if secret is not None:
        click.echo(f"client_secret: {secret}")


@client.command("change")
@click.argument("client_id")
@click.option("--name", help="What members and staff know it by.")
@client_options.settings
@click.option(
    "--enable/--disable",
    "active",
    default=None,
    help="Put it into use, or out of it: that ends its tokens at once.",
)
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def change_client(client_id: str, as_json: bool, **given: Any) -> None:
    """Change a client; what is not named stays. A list is given whole, '' empties it.

    Who changes to a secret is given one, shown once, here.
    """
    found = _found(client_id)
    values = client_options.values(given)
    if not values:
        raise click.UsageError("Say what to change.")
    secret = None
    try:
        registration.change(found, **values)
        if found.authentication == "client_secret" and not found.secrets:
            secret = registration.new_secret(found)
    except InvalidValue as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    if as_json:
        click.echo(json.dumps({"client_id": found.client_id, "client_secret": secret}))
    elif secret is not None:
        click.echo(f"client_secret: {secret}")


@client.command("show")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def show_client(client_id: str, as_json: bool) -> None:
    """Show every setting of a client; its secret is shown by nothing."""
    facts = _facts(_found(client_id))
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{name}: {shown}")


@client.command("new-secret")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def new_client_secret(client_id: str, as_json: bool) -> None:
    """Make another secret, shown once, here. The one before works for another week."""
    found = _found(client_id)
    try:
        secret = registration.new_secret(found)
    except InvalidValue as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(json.dumps({"client_secret": secret}) if as_json else f"client_secret: {secret}")


@client.command("end-old-secrets")
@click.argument("client_id")
def end_old_client_secrets(client_id: str) -> None:
    """Void every secret but the newest, at once."""
    found = _found(client_id)
    registration.end_old_secrets(found)
    db.session.commit()


@client.command("claims")
@click.argument("client_id")
@click.option("--map", "mapped", metavar="CLAIM=SOURCE", multiple=True, help="Map a claim.")
@click.option("--unmap", "unmapped", metavar="CLAIM", multiple=True, help="Take a claim out.")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def client_claims(
    client_id: str, mapped: tuple[str, ...], unmapped: tuple[str, ...], as_json: bool
) -> None:
    """Show or change what of the directory a client is told beyond the standard claims.

    A source is a built-in field, as member_status, or custom. and the key of a custom field.
    """
    found = _found(client_id)
    claim_map = {
        name: source for name, source in found.claim_map.items() if name not in unmapped
    } | {name: source for name, _, source in (one.partition("=") for one in mapped)}
    try:
        registration.change(found, claim_map=claim_map)
    except InvalidValue as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    if as_json:
        click.echo(json.dumps(claim_map))
        return
    for name, source in claim_map.items():
        click.echo(f"{name} = {source}")


@client.command("list")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def list_clients(as_json: bool) -> None:
    """List the clients."""
    rows = [
        {
            "client_id": row.client_id,
            "name": row.name,
            "template": row.template,
            "active": row.active,
            "redirect_uris": row.redirect_uris,
            "post_logout_redirect_uris": row.post_logout_redirect_uris,
            "frontchannel_logout_uri": row.frontchannel_logout_uri,
        }
        for row in clients.every()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = "" if row["active"] else "  (out of use)"
        click.echo(f"{row['client_id']}  {row['template']:<12}  {row['name']}{state}")


def _found(client_id: str) -> Client:
    found = clients.find(client_id)
    if found is None:
        raise click.ClickException(f"There is no client {client_id}.")
    return found


def _facts(found: Client) -> dict[str, Any]:
    return {
        "client_id": found.client_id,
        "name": found.name,
        "template": found.template,
        "active": found.active,
        "scopes": found.scopes,
        "redirect_uris": found.redirect_uris,
        "post_logout_redirect_uris": found.post_logout_redirect_uris,
        "frontchannel_logout_uri": found.frontchannel_logout_uri,
        "backchannel_logout_uri": found.backchannel_logout_uri,
        "authentication": found.authentication,
        "jwks": found.jwks,
        "signing_algorithm": found.signing_algorithm,
        "access_token_format": found.access_token_format,
        "pkce_required": found.pkce_required,
        "pushed_required": found.pushed_required,
        "consent_required": found.consent_required,
        "restricted": found.restricted,
        "permitted_groups": [group.key for group in found.permitted_groups],
        "identifier_attribute": found.identifier_attribute,
        "claim_map": found.claim_map,
    }


@click.group("keys")
def keys() -> None:
    """Keys that ID tokens are signed with."""


@keys.command("rotate")
@click.option("--leaked", is_flag=True, help="End the old keys at once: others may have them.")
def rotate_keys(leaked: bool) -> None:
    """Sign with the next key from now on; the old one stays published while it is needed."""
    try:
        kid = signing_keys.rotate(leaked=leaked)
    except signing_keys.RotationBusy as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(kid)


@click.command("tidy")
def tidy() -> None:
    """Delete what has expired and nothing can need any more, as the clock does by itself."""
    for name, number in garbage.run().items():
        click.echo(f"{number:>9,} {name}")
