"""The command line's part of the sync.

The commands of ``sync`` expect an app context; whoever puts the ``tessera`` command together
pushes one around them.
"""

import json
import time
from collections.abc import Callable

import click

from idp.database import db
from sync import connection, reconcile, resend
from sync.delivery import pushing
from sync.history_commands import history_command, show_command
from sync.removals import held, verdicts
from sync.standing import figures, saying, status


@click.group()
def sync() -> None:
    """What Higher Logic is told."""


@sync.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def status_command(as_json: bool) -> None:
    """How the sync stands."""
    found = status.overall()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    click.echo(f"{saying.label(found)}{': ' if found['message'] else ''}{found['message']}")
    click.echo(
        f"accepted {found['accepted']:,}, pending {found['pending']:,}, "
        f"failed {found['failed']:,}, held {found['held']:,}; "
        f"last accepted {found['last_accepted_at'] or 'never'}"
    )
    if found["pending"]:
        click.echo(f"oldest pending since {found['oldest_pending_at'] or 'no known moment'}")
    if found["per_minute"] is not None:
        left = saying.time_left(found["seconds_left"])
        click.echo(f"{found['per_minute']:,} contacts a minute{', ' if left else ''}{left}")
    breaker = found["breaker"]
    if breaker["state"] != "closed":
        click.echo(
            f"paused since {breaker['since'] or 'just now'}, "
            + (
                f"until {breaker['until']}"
                if breaker["state"] == "open"
                else "and trying whether Higher Logic answers again"
            )
        )
    for reason in found["reasons"]:
        first = ", ".join(f"{one['name']} ({one['key']})" for one in reason["first"])
        more = ", …" if reason["number"] > len(reason["first"]) else ""
        click.echo(f"refused {reason['number']:,}: {reason['words']} [{first}{more}]")
    for group in found["groups"]:
        click.echo(
            f"{group['name']} ({group['key']}): {saying.label(group)}; "
            f"sent {group['sent']:,} of {group['due']:,}"
        )


@sync.command("push")
@click.option(
    "--wait",
    default=120.0,
    show_default=True,
    help="Seconds to go on trying while Higher Logic does not answer or another worker pushes.",
)
def push_command(wait: float) -> None:
    """Push everything that is due, in this process, and say what happened."""
    if not connection.get().configured:
        raise click.ClickException("Higher Logic is not connected: set tenant code and API key.")
    totals = pushing.Totals()
    end = time.monotonic() + wait
    while True:
        verdicts.tick()
        totals.add(pushing.run())
        standing = connection.get()
        stopped, reason = standing.stopped_at is not None, standing.stopped_reason
        waiting = figures.waiting().pending
        db.session.rollback()
        if stopped:
            raise click.ClickException(f"The sync is stopped: {reason}")
        if not waiting:
            break
        if time.monotonic() >= end:
            raise click.ClickException(
                f"{waiting} still pending: {totals.ended_by or 'another worker has them'}"
            )
        time.sleep(0.2)
    click.echo(
        f"{totals.accepted:,} accepted in {totals.requests:,} requests, "
        f"{totals.unchanged:,} unchanged, {totals.left_out:,} not to be sent, "
        f"{totals.refused:,} refused"
    )


@sync.command("resend")
@click.argument("key")
def resend_command(key: str) -> None:
    """Push again, changed or not: a contact or a group by its KEY, or ``all``."""
    try:
        number = resend.resend(None if key == "all" else key)
    except resend.UnknownKey as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(f"{number:,} contacts to be sent again")


@sync.command("reconcile")
def reconcile_command() -> None:
    """Compare every record with what Higher Logic accepted last; what differs is pushed."""
    found = reconcile.run()
    click.echo(_compared(found))


@sync.command("verify")
def verify_command() -> None:
    """Compare every record with what Higher Logic accepted last, and send nothing.

    Ends with status 1 when something differs that is not pending anyway.
    """
    found = reconcile.verify()
    click.echo(_compared(found))
    for key in reconcile.keys(found):
        click.echo(f"differs: {key}")
    if not found.well:
        raise SystemExit(1)


def _compared(found: reconcile.Report) -> str:
    return (
        f"{found.compared:,} compared: {found.differ:,} differ, {found.missing:,} missing, "
        f"{found.orphaned:,} orphaned; {found.pending:,} pending anyway, {found.held:,} held"
    )


sync.add_command(history_command)
sync.add_command(show_command)


@sync.command("held")
@click.option("--list", "key", metavar="KEY", help="Print who is held of the group with this key.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def held_command(key: str | None, as_json: bool) -> None:
    """What the removal guard holds back, by group."""
    if key is not None:
        people = [row._asdict() for row in db.session.execute(held.contacts(key, "held"))]
        for one in people:
            one["at"] = one["at"].isoformat(timespec="seconds")
            if not as_json:
                click.echo("\t".join(_plain(one[name]) for name in ("key", "title", "email")))
        if as_json:
            click.echo(json.dumps(people, ensure_ascii=False))
        return
    groups = [row._asdict() for row in held.of_groups()]
    for group in groups:
        group["since"] = group["since"].isoformat(timespec="seconds")
    if as_json:
        click.echo(json.dumps(groups, ensure_ascii=False, indent=2))
        return
    for group in groups:
        click.echo(
            f"{group['name']} ({group['key']}): {group['number']:,} held since {group['since']}: "
            f"{group['reason']}"
        )
    if not groups:
        click.echo("Nothing is held.")


@sync.command("allow")
@click.argument("key")
@click.option("--refused", is_flag=True, help="Of whom was refused before, not of whom is held.")
def allow_command(key: str, refused: bool) -> None:
    """Let the removals go that are held of the group with this KEY."""
    _decide(verdicts.lift if refused else verdicts.allow, key, "let go")


@sync.command("refuse")
@click.argument("key")
def refuse_command(key: str) -> None:
    """Keep those whose removal is held in the group with this KEY at Higher Logic."""
    _decide(verdicts.refuse, key, "kept at Higher Logic")


def _decide(verdict: Callable[[str], int], key: str, what: str) -> None:
    try:
        number = verdict(key)
    except verdicts.NothingHeld as error:
        raise click.ClickException(str(error)) from None
    db.session.commit()
    click.echo(f"{number:,} {what}")


def _plain(text: str) -> str:
    # A name must not move the cursor of the terminal.
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
