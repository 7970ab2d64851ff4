"""The panel's bench: every page that it asks for is there, and what is said of them."""

from flask import Flask

from bench import panel
from bench.directory_work import Contestant
from idp.database import db
from tests import factories


def test_every_page_is_asked_for_and_measured_beside_a_bare_one(app: Flask) -> None:
    for _ in range(3):
        factories.person()
    taken = panel.run(2, [Contestant(db.engine.dialect.name, 3, app, "")])
    (of_it,) = taken.values()
    assert set(of_it) == set(panel.pages(""))
    assert all(len(seconds) == 2 for seconds in of_it.values())


def test_the_report_has_the_ratio_of_each_round_and_the_target() -> None:
    taken = {("sqlite", 100_000): {panel.BARE: [0.01, 0.02], "first page": [0.03, 0.04]}}
    text = panel.report(taken, 2)
    assert "## SQLite, 100,000 people" in text
    assert "| first page | 35 | 40 | 2.5 |" in text
    assert "at its slowest: met." in text
    taken["sqlite", 100_000]["first page"][0] = 1.5
    assert "at its slowest: missed." in panel.report(taken, 2)
