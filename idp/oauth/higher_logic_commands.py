"""The command line of a Higher Logic client: its worksheet."""

from pathlib import Path

import click

from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import clients, worksheet, worksheet_document
from idp.oauth.clients import Client


@click.command("worksheet")
@click.argument("client_id")
@click.option("--member", "email", required=True, help="E-mail address of the test member.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a document (.docx) instead of printing text.",
)
def worksheet_command(client_id: str, email: str, output: Path | None) -> None:
    """Fill out Higher Logic's technical worksheet. It holds no secret."""
    sheet = worksheet.of(higher_logic(client_id), member_with(email))
    if output is None:
        click.echo(worksheet.as_text(sheet))
    else:
        output.write_bytes(worksheet_document.make(sheet))


def higher_logic(client_id: str) -> Client:
    """The Higher Logic client with this id. Raises ``ClickException``."""
    client = clients.find(client_id)
    if client is None:
        raise click.ClickException(f"There is no client {client_id}.")
    if not client.is_higher_logic:
        raise click.ClickException(f"{client.name} was not made from the Higher Logic template.")
    return client


def member_with(email: str) -> Account:
    """The account that signs in with this address. Raises ``ClickException``."""
    account = accounts.find(email)
    if account is None or not account.may_sign_in:
        raise click.ClickException(f"Nobody signs in with {email}.")
    return account
