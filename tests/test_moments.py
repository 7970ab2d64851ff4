"""Moments in words, at the association's clock, with the exact time on hover."""

import datetime as dt

import pytest
from flask import Flask, g

from idp import association, moments
from idp.database import db

pytestmark = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)

# Sunday, half past two in the morning at New York, where the clock was put forward that night.
PRESENT = dt.datetime(2026, 3, 8, 7, 30, tzinfo=dt.UTC)


@pytest.fixture
def at_new_york(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An association at New York, at a moment that is known."""
    association.change(name="Engines", time_zone="America/New_York")
    db.session.commit()
    g.pop("zone", None)
    monkeypatch.setattr(moments, "now", lambda: PRESENT)


def before(**time: float) -> dt.datetime:
    return PRESENT - dt.timedelta(**time)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (before(seconds=20), "just now"),
        (before(seconds=60), "a minute ago"),
        (before(minutes=20), "20 minutes ago"),
        # An hour and a half before it was half past one there, since there was no half past two.
        (before(hours=1), "today at 01:30"),
        (before(hours=4), "yesterday at 22:30"),
        (before(days=3), "5 March 2026"),
    ],
)
@pytest.mark.usefixtures("at_new_york")
def test_what_is_past(moment: dt.datetime, words: str) -> None:
    assert f">{words}</time>" in moments.ago(moment)
    assert moments.ago(moment.isoformat()) == moments.ago(moment)


@pytest.mark.usefixtures("at_new_york")
def test_the_exact_time_is_the_associations() -> None:
    assert moments.ago(before(hours=4)) == (
        '<time datetime="2026-03-08T03:30:00+00:00" title="7 March 2026, 22:30:00 EST">'
        "yesterday at 22:30</time>"
    )
    assert moments.until(before(hours=-3)).endswith(">in 3 hours</time>")


def test_without_a_zone_it_says_that_it_is_utc(app: Flask) -> None:
    assert moments.clock(PRESENT) == "07:30 UTC"
    assert moments.exact(PRESENT) == "8 March 2026, 07:30:00 UTC"


def test_a_zone_without_letters_is_named_by_its_distance(app: Flask) -> None:
    association.change(name="Engines", time_zone="America/Sao_Paulo")
    assert moments.exact(PRESENT) == "8 March 2026, 04:30:00 UTC-03"


def test_what_never_was_says_so(app: Flask) -> None:
    assert moments.ago(None) == '<span class="soft">never</span>'
    assert moments.day(None) == ""
    assert moments.day("2026-05-03") == "3 May 2026"
