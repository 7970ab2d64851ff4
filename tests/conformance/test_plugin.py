"""The plugin in a run of pytest's own, with and without workers."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
CHECKS = """
[[section]]
title = "Doors"
source = "RFC 1"
required = true
[section.checks]
D1 = "Doors open"
D2 = "Doors shut"
"""
TESTS = """
import pytest

@pytest.mark.compliance("D1", "D2")
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_doors(database):
    pass
"""
INI = "[pytest]\nmarkers =\n    compliance(*ids): what is shown\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a list of two checks and a test that shows both."""
    for folder in ("docs", "tests/conformance"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests" / "conformance" / "checks.toml").write_text(CHECKS)
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_doors.py").write_text(TESTS)
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conformance.plugin"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_the_page_is_written_and_then_compared(project: Path, workers: tuple[str, ...]) -> None:
    stale = run(project, "--conformance=compare", *workers)
    assert stale.returncode == 1
    assert "`make conformance` writes it anew" in stale.stdout
    assert run(project, "--conformance=write", *workers).returncode == 0
    page = (project / "docs" / "conformance.md").read_text()
    assert "| D2 | Doors shut | [doors](../test_doors.py) | SQLite, Postgres |" in page
    assert run(project, "--conformance=compare", *workers).returncode == 0


def test_a_run_of_a_part_compares_nothing(project: Path) -> None:
    assert run(project, "-k", "sqlite").returncode == 0


def test_a_check_without_a_test_fails_the_run(project: Path) -> None:
    (project / "test_doors.py").write_text(TESTS.replace(', "D2"', ""))
    answer = run(project, "--conformance=write")
    assert answer.returncode == 1
    assert "no test shows D2" in answer.stdout


def test_a_test_that_is_skipped_shows_nothing(project: Path) -> None:
    (project / "test_doors.py").write_text(TESTS.replace("    pass", "    pytest.skip('no door')"))
    answer = run(project, "--conformance=write")
    assert answer.returncode == 1
    assert "no test shows D1, D2" in answer.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_an_unknown_check_is_not_collected(project: Path, workers: tuple[str, ...]) -> None:
    (project / "test_doors.py").write_text(TESTS.replace("D2", "D3"))
    answer = run(project, *workers)
    assert answer.returncode != 0
    assert "test_doors[sqlite]: no such check in tests/conformance/checks.toml: D3" in answer.stdout


def test_an_unknown_check_of_one_parameter_is_not_collected(project: Path) -> None:
    marked = """pytest.param("sqlite", marks=pytest.mark.compliance("D3"))"""
    (project / "test_doors.py").write_text(TESTS.replace('"sqlite"', marked))
    answer = run(project)
    assert answer.returncode != 0
    assert "no such check in tests/conformance/checks.toml: D3" in answer.stdout


def test_a_run_that_fails_writes_nothing(project: Path) -> None:
    (project / "test_doors.py").write_text(TESTS.replace("    pass", "    assert False"))
    answer = run(project, "--conformance=write")
    assert answer.returncode == 1
    assert "not written" in answer.stdout
    assert not (project / "docs" / "conformance.md").exists()
