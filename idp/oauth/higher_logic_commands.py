"""The command line of a Higher Logic client: its worksheet and its self-test."""

import json
from pathlib import Path

import click

from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import clients, self_test, worksheet, worksheet_document
from idp.oauth.clients import Client

_WORDS = {"ok": "works", "failed": "FAILS", "skipped": "left out"}


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


@click.command("self-test")
@click.argument("client_id")
@click.option("--member", "email", required=True, help="E-mail address of the test member.")
@click.option("--json", "as_json", is_flag=True, help="For a script to read.")
def self_test_command(client_id: str, email: str, as_json: bool) -> None:
    """Play Higher Logic's part from end to end against the running web server.

    Says which step fails and what to do. The exit code is 1 when one does.
    """

    def tell(result: self_test.Result) -> None:
        if as_json:
            return
        click.echo(f"{_WORDS[result.state]:<8}  {result.title}: {result.seen}")
        if result.advice:
            click.echo(f"{'':<8}  {result.advice}")

    results = self_test.run(higher_logic(client_id), member_with(email), tell=tell)
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results]))
    if not self_test.passed(results):
        raise SystemExit(1)


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
