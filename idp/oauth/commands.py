"""The command line of the authorization server: clients and keys."""

import json

import click

from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import clients, registration
from idp.oauth import keys as signing_keys
from idp.oauth.templates import TEMPLATES


@click.group("client")
def client() -> None:
    """Sites that sign members in here."""


@client.command("create")
@click.argument("name")
@click.option("--template", type=click.Choice(tuple(TEMPLATES)), required=True)
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    help="Where codes are sent; every template but machine needs one.",
)
@click.option(
    "--post-logout-redirect-uri",
    "post_logout_redirect_uris",
    multiple=True,
    help="Where the site may send members after signing out.",
)
@click.option("--frontchannel-logout-uri", help="Where the site is told that a session ended.")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def create_client(
    name: str,
    template: str,
    redirect_uris: tuple[str, ...],
    post_logout_redirect_uris: tuple[str, ...],
    frontchannel_logout_uri: str | None,
    as_json: bool,
) -> None:
    """Make a client. Its secret is shown once, here; an app has none."""
    try:
        made, secret = registration.create(
            name, template, redirect_uris, post_logout_redirect_uris, frontchannel_logout_uri
        )
    except InvalidValue as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    if as_json:
        click.echo(json.dumps({"client_id": made.client_id, "client_secret": secret}))
        return
    click.echo(f"client_id: {made.client_id}")
    if secret is not None:
        click.echo(f"client_secret: {secret}")


@client.command("new-secret")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def new_client_secret(client_id: str, as_json: bool) -> None:
    """Make another secret, shown once, here. The one before works for another week."""
    found = clients.find(client_id)
    if found is None:
        raise click.ClickException(f"There is no client {client_id}.")
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
    found = clients.find(client_id)
    if found is None:
        raise click.ClickException(f"There is no client {client_id}.")
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
    found = clients.find(client_id)
    if found is None:
        raise click.ClickException(f"There is no client {client_id}.")
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
