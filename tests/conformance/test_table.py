"""The page's text, and what is wrong with a list."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance import checks, table
from tests.conformance.checks import Checks, InvalidChecks, Section
from tests.conformance.table import Shown

LIST = Checks(
    sections=(
        Section("Doors", "RFC 1", True, {"D1": "Doors open", "D2": "Doors shut"}),
        Section("Windows", "RFC 2", False, {"W1": "Windows open"}),
    ),
    does_not_apply={"D2": "There is a curtain."},
)
ON_SQLITE = Shown(frozenset({"D1"}), "tests/test_door.py", "test_a_door_opens", "sqlite")
ON_POSTGRES = replace(ON_SQLITE, database="postgres")


def test_the_page_is_the_same_whatever_the_order_of_the_run() -> None:
    other = replace(ON_SQLITE, test="test_another", database=None)
    first = table.render(LIST, [ON_SQLITE, ON_POSTGRES, other])
    assert first == table.render(LIST, [other, ON_POSTGRES, ON_SQLITE])
    assert (
        "| D1 | Doors open | [a door opens](../tests/test_door.py)<br>"
        "[another](../tests/test_door.py) | SQLite, Postgres |" in first
    )
    assert "| D2 | Doors shut | *Does not apply.* There is a curtain. |  |" in first
    assert "| W1 | Windows open | *Open.* |  |" in first
    assert "| [Doors](#doors) | 2 | 1 | 1 | 0 |" in first


def test_a_check_needs_a_test_that_ran_or_a_reason() -> None:
    assert table.problems(LIST, [ON_SQLITE]) == []
    (missing,) = table.problems(LIST, [])
    assert missing.startswith("no test shows D1")
    assert table.problems(LIST, [replace(ON_SQLITE, passed=False)]) == [missing]


def test_a_list_that_is_behind_the_tests_is_wrong() -> None:
    shut = replace(ON_SQLITE, checks=frozenset({"D1", "D2"}))
    (wrong,) = table.problems(LIST, [shut])
    assert wrong == "a test shows D2, which is said not to apply"


SECTION = '[[section]]\ntitle = "T"\nsource = "S"\nrequired = true\n[section.checks]\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SECTION + 'B1 = "x"\n' + SECTION + 'B1 = "y"\n', "listed twice: B1"),
        (SECTION + 'b1 = "x"\n', "no ids: b1"),
        (SECTION + 'B1 = "x"\n[does_not_apply]\nB2 = "y"\n', "unknown: B2"),
    ],
)
def test_a_list_that_contradicts_itself_is_not_read(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "checks.toml"
    path.write_text(text)
    with pytest.raises(InvalidChecks, match=why):
        checks.load(path)
