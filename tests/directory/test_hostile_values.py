"""Values made to do harm: in conditions and in files to import."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from idp.directory import conditions, fields, importing
from idp.directory.conditions import InvalidCondition
from idp.directory.contacts import InvalidValue
from idp.directory.import_commands import import_command


@pytest.mark.parametrize(
    "text",
    [
        r'{"field": "city", "op": "is", "value": "a\u0000b"}',
        r'{"field": "city", "op": "one_of", "value": ["a", "\ud800"]}',
        r'{"field": "planet\u0000", "op": "is", "value": "a"}',
        '{"version": ' + "9" * 5000 + "}",
        "[" * 40_000,
    ],
    ids=["NUL", "half a character", "NUL in a name", "huge number", "deep"],
)
def test_a_condition_that_no_database_could_keep_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(InvalidCondition) as refused:
        conditions.from_json(text)
    str(refused.value).encode()


@pytest.mark.parametrize("text", ["1e9999999", "-1e9999999", "1e-9999999", "sNaN", "9" * 100_000])
def test_a_number_beyond_every_bound_is_no_whole_number(text: str) -> None:
    with pytest.raises(InvalidValue, match="Not a whole number"):
        fields.whole_number("years", text)


def imported(folder: Path, text: str) -> importing.Report:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return importing.run("people", path)


def test_a_column_of_long_texts_that_come_again_becomes_long_text(
    app: Flask, tmp_path: Path
) -> None:
    rows = "".join(f"Byron{number},{'x' * 20_001}\n" for number in range(3))
    report = imported(tmp_path, "Last Name,Story\n" + rows)
    assert [suggested.kind for suggested in report.suggested_fields] == ["long_text"]
    assert [refusal.reason for refusal in report.refused] == ["too_long"] * 3


def test_a_column_whose_name_is_too_long_is_named_in_one_sentence(
    app: Flask, tmp_path: Path
) -> None:
    with pytest.raises(importing.ImportFailed, match="cannot be a field: Longer than 255"):
        imported(tmp_path, f"Last Name,{'x' * 300}\nByron,1\n")


def test_a_company_key_with_a_nul_is_unknown(app: Flask, tmp_path: Path) -> None:
    report = imported(tmp_path, "Last Name,Company Key\nByron,a\x00b\n")
    assert [refusal.reason for refusal in report.refused] == ["unknown_company"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Key,Last Name\na\0b,Byron\n", "invalid_key"),
        ("Email,Last Name\na\0b@example.org,Byron\n", "invalid_email"),
        ("Member ID,Last Name,Email\n7\0,Byron,no address\n", "invalid_email"),
    ],
)
def test_a_refused_row_whose_person_is_named_with_a_nul_is_about_nobody(
    app: Flask, tmp_path: Path, text: str, reason: str
) -> None:
    assert [one.reason for one in imported(tmp_path, text).refused] == [reason]


def test_a_numeric_column_with_a_huge_exponent_is_text(app: Flask, tmp_path: Path) -> None:
    report = imported(tmp_path, "Last Name,Years\nByron,1e9999999\n")
    assert (report.created, report.suggested_fields[0].kind) == (1, "text")


def test_a_refused_value_does_not_reach_the_terminal_as_a_command(
    app: Flask, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Last Name,Email\nByron,\x1b]0;owned\x07[bold]@x\n", encoding="utf-8")
    shown = CliRunner().invoke(import_command, ["people", str(path)])
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
    said = CliRunner().invoke(import_command, ["people", str(path), "--json"])
    assert json.loads(said.stdout)["refused"][0]["value"].startswith("\x1b]0;")
