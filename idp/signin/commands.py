"""The command line of accounts."""

import sys

import click

from idp import audit
from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import ROLES, Account, Role
from idp.directory.contacts import InvalidValue, Person, find_person_by_email
from idp.signin import passwords


@click.group("account")
def account_command() -> None:
    """Accounts: what people sign in with."""


@account_command.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--first-name", default="", help="For a person who is not in the directory yet.")
@click.option("--last-name", default="", help="For a person who is not in the directory yet.")
def create(email: str, role: Role, password_stdin: bool, first_name: str, last_name: str) -> None:
    """Give the person with this e-mail address an account.

    Somebody who is not in the directory yet is added to it. Without a password the account is
    invited: its owner chooses one by a mailed link. An account that is there already, made by an
    import say, takes the role and the password.
    """
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    try:
        person = find_person_by_email(email)
        if person is None:
            named = first_name or last_name
            person = Person(
                email=email, first_name=first_name if named else email.split("@")[0],
                last_name=last_name,
            )  # fmt: skip
            db.session.add(person)
            db.session.flush()
            facts = {name: getattr(person, name) for name in ("first_name", "last_name", "email")}
            audit.record(audit.Event.CONTACT_CREATED, person.key, changed=audit.changes({}, facts))
        account = accounts.of_person(person)
        if account is None:
            account = accounts.create(person, role=role)
            audit.record(audit.Event.ACCOUNT_CREATED, person.key, changed={"role": [None, role]})
        elif account.role == role and password is None:
            raise click.ClickException(f"{person.email} has an account already ({role}).")
        accounts.change_role(account, role)
        db.session.flush()
        if password is not None:
            passwords.set_password(account, password)
        db.session.commit()
    except (InvalidValue, passwords.WeakPassword) as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{account.person.email} has an account ({role}, {account.state}).")


@account_command.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(ROLES))
def role(email: str, role: Role) -> None:
    """Give an account another role.

    owner: everything. staff: people, companies, groups, fields and imports. reader: sees what
    staff see and changes nothing. help-desk: sees people, companies and groups, sends
    invitations and links for a new password, and signs members out. member: the panel is closed.
    """
    account = _found(email)
    try:
        accounts.change_role(account, role)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{account.person.email}: {role}.")


@account_command.command("deactivate")
@click.argument("email")
def deactivate(email: str) -> None:
    """Switch an account off: no sign-in, and every session and token ends now."""
    account = _found(email)
    try:
        accounts.deactivate(account)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{account.person.email} cannot sign in any more.")


@account_command.command("reactivate")
@click.argument("email")
def reactivate(email: str) -> None:
    """Switch an account on again."""
    account = _found(email)
    accounts.reactivate(account)
    db.session.commit()
    if account.may_sign_in:
        click.echo(f"{account.person.email} can sign in again.")
    else:
        click.echo(f"{account.person.email}: the account is on, but the person's record is not.")


def _found(email: str) -> Account:
    account = accounts.find(email)
    if account is None:
        raise click.ClickException(f"There is no account for {email}.")
    return account
