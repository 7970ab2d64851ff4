"""Which custom field the values of a column suggest."""

import pytest

from idp.directory.importing.kinds import Column

MANY = [f"{number} words" for number in range(100)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("Volunteer", ["Yes", "no", ""], "yes_no"),
        ("Certified on", ["2026-04-01", "1999-12-31"], "date"),
        ("Years", ["0", "12", "-3"], "whole_number"),
        ("Rate", ["0.5", "12", "-3.25"], "decimal"),
        ("Rate", ["1,500.5", "2,5", "3,5"], "text"),
        ("Postal code", ["02139", "10001"], "text"),
        ("Section", ["01.5", "2.5"], "text"),
        ("Second e-mail", ["ada@example.org", " Mary@example.org"], "email"),
        ("Second e-mail", ["ada@example.org", "none"], "text"),
        ("Blog", ["https://ada.example", "http://mary.example/a?b"], "web_address"),
        ("Blog", ["https://ada.example", "javascript:alert(1)"], "text"),
        ("Old HL_Key", ["10023", "A-00/7"], "key"),
        ("Old Key", ["10023", "10024"], "key"),
        ("Old Key", ["10023", "two words"], "text"),
        ("Monkey", ["10023", "A-00/7"], "text"),
        ("Region", ["North", "South"] * 3, "one_of"),
        ("Areas", ["Law|Rail", "Law"], "several_of"),
        ("Notes", ["x" * 256, "short"], "long_text"),
        ("Notes", ["one\ntwo"] * 3, "long_text"),
        ("Motto", MANY, "text"),
        ("Nothing", ["", " "], "text"),
    ],
)
def test_the_kind_is_what_every_value_reads_as(name: str, cells: list[str], kind: str) -> None:
    column = Column(name)
    for cell in cells:
        column.add(cell)
    assert column.suggestion.kind == kind
