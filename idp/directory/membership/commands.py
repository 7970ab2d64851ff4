"""The command line of a group's members: who is in it and why, added, removed, shut out, let in.

Whom a command is about is said by key or by the e-mail address that is theirs alone.
"""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import contacts, groups, membership
from idp.directory.commands import JSON_OPTION, group_command
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.groups import Group
from idp.directory.membership.model import Membership

__all__ = ["group_command"]

_CHUNK = 1000
_DAY = click.DateTime(["%Y-%m-%d"])


def _group(key: str) -> Group:
    group = groups.find(key)
    if group is None:
        raise click.ClickException(f"There is no group {key!r}.")
    return group


def _contact(given: str) -> Contact:
    contact = contacts.find(given) or contacts.only_person_by_email(given)
    if contact is None:
        raise click.ClickException(f"There is no person and no company {given!r}.")
    return contact


def _keep(work: Any) -> None:
    try:
        work()
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    except IntegrityError:
        db.session.rollback()
        raise click.ClickException("Somebody else has just saved the same: look again.") from None


def _day(given: dt.datetime | None) -> dt.date | None:
    return given.date() if given is not None else None


@group_command.command("add")
@click.argument("group")
@click.argument("contact")
@click.option("--role", default="", help="Chair, Secretary, …; once for each role.")
@click.option("--begin", type=_DAY, help="The first day; from now on when not given.")
@click.option("--end", type=_DAY, help="The last day; open when not given.")
def add_member(
    group: str, contact: str, role: str, begin: dt.datetime | None, end: dt.datetime | None
) -> None:
    """Add a person or a company to a group, whatever its condition says of them."""
    into, whom = _group(group), _contact(contact)
    _keep(lambda: membership.add(into, whom, role=role, begin_on=_day(begin), end_on=_day(end)))
    click.echo(f"{whom.title} is added to {into.name}.")


@group_command.command("remove")
@click.argument("group")
@click.argument("contact")
@click.option("--role", help="This role alone; everything that was added when not given.")
def remove_member(group: str, contact: str, role: str | None) -> None:
    """Take back what was added by hand; who meets the condition stays all the same."""
    out_of, whom = _group(group), _contact(contact)
    additions = [
        one
        for one in membership.additions_of(out_of, whom)
        if role is None or one.role.casefold() == role.strip().casefold()
    ]
    if not additions:
        raise click.ClickException(f"{whom.title} was not added to {out_of.name} so.")
    _keep(lambda: _remove(additions))
    stays = db.session.scalar(
        select(Membership.id)
        .where(Membership.group_id == out_of.id, Membership.contact_id == whom.id)
        .limit(1)
    )
    click.echo(
        f"{whom.title}: removed."
        + (" They are in the group still, by the condition or another role." if stays else "")
    )


def _remove(additions: list[membership.Addition]) -> None:
    for addition in additions:
        membership.remove(addition)


@group_command.command("shut-out")
@click.argument("group")
@click.argument("contact")
def shut_out_member(group: str, contact: str) -> None:
    """Shut a contact out of a group, whatever condition and additions say."""
    out_of, whom = _group(group), _contact(contact)
    _keep(lambda: membership.shut_out(out_of, whom))
    click.echo(f"{whom.title} is shut out of {out_of.name}.")


@group_command.command("let-in")
@click.argument("group")
@click.argument("contact")
def let_in_member(group: str, contact: str) -> None:
    """Undo shut-out: the condition and what was added count again."""
    into, whom = _group(group), _contact(contact)
    _keep(lambda: membership.let_in(into, whom))
    click.echo(f"{whom.title} is no longer shut out of {into.name}.")


@group_command.command("members")
@click.argument("group")
@JSON_OPTION
def list_members(group: str, as_json: bool) -> None:
    """Who is in a group today: key, name, origin, role and days; with --json a line for each."""
    for row in _members(_group(group)):
        facts = {
            "key": row.key,
            "name": _name(row),
            "origin": row.origin,
            "role": row.role,
            "begin_on": row.begin_on.isoformat() if row.begin_on else None,
            "end_on": row.end_on.isoformat() if row.end_on else None,
            "since": row.since.isoformat(timespec="seconds"),
        }
        if as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
        else:
            days = f"{facts['begin_on'] or ''}..{facts['end_on'] or ''}".strip(".")
            parts = (facts["key"], facts["name"], facts["origin"], facts["role"], days)
            click.echo("\t".join(_plain(part or "-") for part in parts))


def _name(row: Any) -> str:
    return row.name if row.kind == "company" else f"{row.first_name} {row.last_name}".strip()


def _plain(text: str) -> str:
    # What somebody wrote into a name does not move the cursor of the terminal.
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _members(group: Group) -> Iterator[Any]:
    """A part at a time: a group may have hundreds of thousands."""
    contact: Any = Contact.__table__.c
    after = 0
    while True:
        rows = db.session.execute(
            select(
                *(contact.key, contact.kind, contact.name, contact.first_name, contact.last_name),
                *(Membership.id, Membership.origin, Membership.role, Membership.since),
                *(Membership.begin_on, Membership.end_on),
            )
            .join(contact.id.table, contact.id == Membership.contact_id)
            .where(Membership.group_id == group.id, Membership.id > after)
            .order_by(Membership.id)
            .limit(_CHUNK)
        ).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].id
