"""`tessera import` with a mapping, its ways to read a file, its report, the guard, and Ctrl-C."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.test_command import Tessera

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tessera(tmp_path_factory: pytest.TempPathFactory) -> Tessera:
    """The command on a data folder of its own."""
    command = Tessera(tmp_path_factory.mktemp("var"))
    assert command("db", "upgrade").returncode == 0
    return command


def written(folder: Path, text: str) -> str:
    path = folder / "people.csv"
    path.write_text(text, encoding="cp1252")
    return str(path)


def test_columns_are_said_one_by_one(tessera: Tessera, tmp_path: Path) -> None:
    path = written(
        tmp_path, "Nr;Rufname;Nachname;Ort;Notiz\nk1;Zoé;Łang;Bern;x\n".replace("Ł", "L")
    )
    report = tessera.json(
        "import", "people", path, "--separator", "semicolon", "--encoding", "windows-1252",
        "--column", "Nr=key", "--column", "Rufname=first_name", "--column", "Nachname=last_name",
        "--column", "Ort=city", "--column", "Notiz=",
    )  # fmt: skip
    assert (report["created"], report["ignored_columns"]) == (1, ["Notiz"])
    again = tessera.json("import", "people", path, "--column", "Nr=key", "--column",
                         "Rufname=first_name", "--column", "Notiz=new:text")  # fmt: skip
    assert [one["column"] for one in again["suggested_fields"] if one["created"]] != []
    assert "There is no custom field 'nothing'" in tessera.refused(
        "import", "people", path, "--column", "Ort=nothing", "--column", "Rufname=first_name"
    )
    assert "No mapping of people is 'x'" in tessera.refused(
        "import", "people", path, "--mapping", "x"
    )
    assert "is not COLUMN=FIELD" in tessera.refused("import", "people", path, "--column", "Ort")


def test_every_refused_row_is_in_the_report_and_none_is_a_formula(
    tessera: Tessera, tmp_path: Path
) -> None:
    path = written(tmp_path, "Key,First Name,Email\nr1,Ada,=1+1\nr2,Bob,bob@example.org\n")
    report = tmp_path / "report.csv"
    assert tessera("import", "people", path, "--dry-run", "--report", str(report)).returncode == 0
    with report.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:5] for row in rows[1:]] == [["2", "Email", "'=1+1", "no", "invalid_email"]]


def test_what_takes_much_away_needs_to_be_allowed(tessera: Tessera, tmp_path: Path) -> None:
    rows = [f"g{number},Ada,Current" for number in range(60)]
    header = "Key,First Name,Member Status"
    tessera.json("import", "people", written(tmp_path, "\n".join([header, *rows]) + "\n"))
    fewer = written(tmp_path, "\n".join([header, *rows[:30]]) + "\n")
    refused = tessera.refused("import", "people", fewer, "--absent", "deactivate")
    assert "Nothing is changed. If that is meant, repeat it with --allow." in refused
    assert tessera.json("import", "people", fewer)["updated"] == 0
    done = tessera.json("import", "people", fewer, "--absent", "deactivate", "--allow")
    assert done["updated"] >= 30


def test_kept_mappings_are_listed_and_deleted(tessera: Tessera) -> None:
    assert tessera.json("import-mappings", "list") == []
    assert "No mapping of people is 'x'" in tessera.refused(
        "import-mappings", "delete", "people", "x"
    )


def test_ctrl_c_ends_it_between_two_chunks(tessera: Tessera, tmp_path: Path) -> None:
    rows = [f"c{number},Ada,Byron{number}" for number in range(40_000)]
    path = written(tmp_path, "\n".join(["Key,First Name,Last Name", *rows]) + "\n")
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path],
        env=tessera.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = started.communicate(timeout=120)
    assert started.returncode == 130, err
    assert "Cancelled:" in out
    assert "Traceback" not in err
    done = tessera.json("import", "people", path)
    assert done["unchanged"] > 0
    assert done["created"] + done["unchanged"] == 40_000


# Ctrl-C when the first chunk is written, however fast the machine is.
PROGRAM = f"""
import os, sys
from idp.directory import importing
from idp.directory.importing import load
say = load._File._say
def interrupt(self, done, total):
    if done:
        os.kill(os.getpid(), {int(signal.SIGINT)})
    say(self, done, total)
load._File._say = interrupt
from launch.command import command
command(["import", "people", sys.argv[1]])
"""
