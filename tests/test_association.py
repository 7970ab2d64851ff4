"""The association's day: when it begins there, not here."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from idp import association
from idp.association import Association
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


def test_two_who_decide_at_once_both_have_decided(app: Flask) -> None:
    association.change(name="Engineers")
    db.session.commit()
    seen = association.get()
    assert seen.decided == []
    with Session(db.engine) as other:
        if db.engine.dialect.name == "sqlite":  # one writer: the other one is first
            db.session.rollback()
        other.execute(update(Association).values(decided=["fields"]))
        other.commit()
    assert association.decide("properties", True)
    db.session.commit()
    assert seen.decided == ["fields", "properties"]
    assert not association.decide("fields", True)


@pytest.mark.parametrize(
    "name", ["", "Mars", "America", "../etc/passwd", "/etc/localtime", "localtime", "utc\x00"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="A time zone is named as America/New_York"):
        association.Association(time_zone=name)
