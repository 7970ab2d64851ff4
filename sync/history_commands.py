"""``tessera sync history`` and ``tessera sync show``: what was sent of one contact, and what would
be."""

import json
from typing import Any

import click

from idp.database import db
from idp.directory.contacts import Contact, find
from sync import connection
from sync.protocol import items, wire
from sync.records import feed
from sync.sent import history, history_words

MOST = 100


@click.command("history")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="For scripts, with what was sent.")
def history_command(key: str, as_json: bool) -> None:
    """What was sent of the contact with this KEY, the newest first, and what came back."""
    found = db.session.execute(history.of_contact(_contact(key)).limit(MOST)).all()
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("Nothing was sent.")
    for one in found:
        times = f", {one.tries} times since {_iso(one.first_at)}" if one.tries > 1 else ""
        click.echo(
            f"{_iso(one.last_at)} {one.code}{times}, {one.milliseconds} ms, "
            f"batch of {one.batch_size}: {_plain(one.words)}"
        )


@click.command("show")
@click.argument("key")
def show_command(key: str) -> None:
    """The record of the contact with this KEY as it would be sent now, and what differs from what
    Higher Logic accepted last."""
    contact = _contact(key)
    records = feed.build([contact.id], connection.get().wanted)
    if contact.id not in records:
        raise click.ClickException("Nothing is sent of this contact.")
    item = wire.item(records[contact.id])
    for name, text in items.rows(item):
        click.echo(f"{_plain(name)}: {_plain(text)}")
    accepted = history.accepted_last(contact)
    if accepted is None:
        click.echo("Higher Logic has accepted nothing of it that is known here.")
        return
    differing = items.differences(history.item_of(accepted), item)
    for name, before, after in differing:
        click.echo(f"differs: {_plain(name)}: {_plain(before)!r} there, {_plain(after)!r} here")
    if not differing:
        click.echo(f"Higher Logic has it like this since {_iso(accepted.last_at)}.")


def _contact(key: str) -> Contact:
    contact = find(key)
    if contact is None:
        raise click.ClickException(f"No contact has the key {key}.")
    return contact


def _told(one: Any) -> dict[str, Any]:
    return {
        "key": one.key,
        "first_at": _iso(one.first_at),
        "last_at": _iso(one.last_at),
        "tries": one.tries,
        "code": one.code,
        "meaning": history_words.sentence(one.code),
        "words": one.words,
        "milliseconds": one.milliseconds,
        "batch_size": one.batch_size,
        "item": history.item_of(one),
    }


def _iso(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds"))


def _plain(text: str) -> str:
    """Without what would do something to a terminal."""
    return "".join(one if one.isprintable() else " " for one in text)
