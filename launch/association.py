"""``tessera association``: the association's settings by name."""

import sys

import click

from idp import association
from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.directory.fields import yes_no
from sync import connection

TEXTS = {
    "higher-logic.base-url": "base_url",
    "higher-logic.tenant-code": "tenant_code",
    "higher-logic.api-key": "api_key",
    "higher-logic.deactivated": "deactivated",
    "higher-logic.batch-size": "batch_size",
    "higher-logic.requests-per-minute": "requests_per_minute",
}
SWITCHES = {
    "higher-logic.integrate-bio": "integrate_bio",
    "higher-logic.integrate-profile-image": "integrate_profile_image",
    "higher-logic.integrate-social-media": "integrate_social_media",
}
KEYS = ("name", "colour", *TEXTS, *SWITCHES)


@click.group("association")
def association_command() -> None:
    """The association's own settings."""


@association_command.command("set")
@click.argument("key", type=click.Choice(KEYS), metavar="KEY")
@click.argument("value")
def set_value(key: str, value: str) -> None:
    """Set one setting; VALUE - is read from standard input, as the API key should be.

    KEY is one of name, colour, higher-logic.base-url, higher-logic.tenant-code,
    higher-logic.api-key, higher-logic.integrate-bio, higher-logic.integrate-profile-image,
    higher-logic.integrate-social-media (yes or no), higher-logic.deactivated (keep, inactive or
    no_groups: what Higher Logic is told of deactivated records), higher-logic.batch-size,
    higher-logic.requests-per-minute (empty: as many as it takes).
    """
    if value == "-":
        value = sys.stdin.readline().rstrip("\r\n")
    try:
        if key in TEXTS:
            connection.change(**{TEXTS[key]: value})
        elif key in SWITCHES:
            connection.change(**{SWITCHES[key]: yes_no(key, value)})
        else:
            association.change(**{key: value})
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{key} is set.")
