"""The association's day: when it begins there, not here."""

import datetime as dt

import pytest
from flask import Flask

from idp import association
from idp.database import db
from idp.directory.contacts import InvalidValue


def test_a_day_begins_in_the_associations_time_zone(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = dt.datetime(2026, 4, 4, 2, 30, tzinfo=dt.UTC)
    monkeypatch.setattr(association, "now", lambda: moment)
    assert association.today() == dt.date(2026, 4, 4)
    for zone, day in (
        ("America/New_York", 3),
        ("Pacific/Kiritimati", 4),
        ("Etc/GMT+12", 3),
        ("Europe/Zurich", 4),
    ):
        association.change(time_zone=zone)
        db.session.commit()
        assert association.today() == dt.date(2026, 4, day)


@pytest.mark.parametrize(
    "name", ["", "Mars", "America", "../etc/passwd", "/etc/localtime", "localtime", "utc\x00"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="A time zone is named as America/New_York"):
        association.Association(time_zone=name)
