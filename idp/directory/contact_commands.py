"""The command line of people and companies: a record out of use, back into use, two into one."""

from collections.abc import Callable
from typing import Any

import click

from idp.database import db
from idp.directory import contacts, deactivation, merging
from idp.directory.contacts import Company, Contact, InvalidValue, Person
from idp.directory.merging import Whose


@click.group("person")
def person_command() -> None:
    """People: their records."""


@click.group("company")
def company_command() -> None:
    """Companies: their records."""


def _found(model: type[Contact], given: str) -> Contact:
    """A person by key or by the e-mail address that is theirs alone, a company by key."""
    found = contacts.find(given)
    if not isinstance(found, model) and model is Person:
        found = contacts.only_person_by_email(given)
    if not isinstance(found, model):
        raise click.ClickException(f"There is no {model.__name__.lower()} {given!r}.")
    return found


def _kept(work: Callable[[], Any]) -> None:
    try:
        work()
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None


def _add_commands(group: click.Group, model: type[Contact], named_by: str) -> None:
    what = model.__name__.lower()

    @group.command("deactivate", help=f"Put a {what}'s record out of use, by {named_by}.")
    @click.argument("who", metavar=named_by.upper().replace(" OR ", "|"))
    def deactivate(who: str) -> None:
        contact = _found(model, who)
        _kept(lambda: deactivation.deactivate(contact))
        click.echo(f"{contact.title} is out of use.")

    @group.command("reactivate", help=f"Put a {what}'s record back into use, by {named_by}.")
    @click.argument("who", metavar=named_by.upper().replace(" OR ", "|"))
    def reactivate(who: str) -> None:
        contact = _found(model, who)
        _kept(lambda: deactivation.reactivate(contact))
        click.echo(f"{contact.title} is in use.")

    @group.command(
        "merge",
        help=f"""Merge two records of one {what}: KEPT stays, OTHER becomes an alias of it.

        What nobody chose is the kept record's value, or the other's where it has none. There is no
        way back: --show compares the two first.""",
    )
    @click.argument("kept")
    @click.argument("other")
    @click.option(
        "--take",
        multiple=True,
        metavar="PART",
        help="A part whose value is to be the other's, as --show names it. May be repeated.",
    )
    @click.option(
        "--account",
        "whose",
        type=click.Choice(["kept", "other"]),
        help="Whose account stays, where both have one.",
    )
    @click.option("--show", is_flag=True, help="Compare the two records and change nothing.")
    def merge(
        kept: str, other: str, take: tuple[str, ...], whose: Whose | None, show: bool
    ) -> None:
        one, another = _found(model, kept), _found(model, other)
        if show:
            _show(one, another)
            return
        alias = another.key
        _kept(lambda: merging.merge(one, another, take=take, whose=whose))
        click.echo(f"{one.title} ({one.key}) is kept; {alias} finds the same record from now on.")


def _show(kept: Contact, other: Contact) -> None:
    for row in merging.compare(kept, other):
        mark = "*" if row.differs else "+" if row.from_other else " "
        click.echo(f"{mark} {row.name}: {row.kept or '–'} | {row.other or '–'}")
    click.echo("* has to be chosen where it is not the kept record's; + comes from the other.")


_add_commands(person_command, Person, "key or e-mail")
_add_commands(company_command, Company, "key")
