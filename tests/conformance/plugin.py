"""Collects what the marked tests show, and makes or compares docs/conformance.md.

``--conformance=compare`` fails a whole run whose outcome is not what the page says;
``--conformance=write`` writes the page. Without the option a run of a part of the tests says
nothing. Under pytest-xdist the tests' properties come to the controller with their reports.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance import checks, table
from tests.conformance.checks import Checks
from tests.conformance.table import Shown

_MARK = "compliance"
_PROPERTY = "compliance"
_RENEW = "`make conformance` writes it anew"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--conformance``."""
    parser.addoption(
        "--conformance",
        choices=("compare", "write"),
        help="compare docs/conformance.md with what this run shows, or write it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the list; gather in the process that hears of every test."""
    known = checks.load(config.rootpath / "tests" / "conformance" / "checks.toml")
    config.pluginmanager.register(Marks(known), "conformance-marks")
    how = config.getoption("--conformance")
    if how is not None and not hasattr(config, "workerinput"):
        page = config.rootpath / "docs" / "conformance.md"
        config.pluginmanager.register(Gathering(known, page, how), "conformance-gathering")


class Marks:
    """Sees to it that a marker names checks that exist, and that reports carry them."""

    def __init__(self, known: Checks) -> None:
        self.known = known

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self) -> Any:
        """Refuse a marker that names an unknown check: its file is not collected then."""
        made = yield
        for item in made if isinstance(made, list) else ():
            if unknown := set(_named(item)) - self.known.ids:
                raise pytest.Collector.CollectError(
                    f"{item.name}: no such check in tests/conformance/checks.toml: "
                    + ", ".join(sorted(unknown))
                )
        return made

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Send a test's checks along with its reports."""
        for item in items:
            if named := _named(item):
                function = getattr(item, "originalname", None) or item.name
                found = [" ".join(sorted(set(named))), function, _database(item) or ""]
                item.user_properties.append((_PROPERTY, found))


class Gathering:
    """What the marked tests of a run show, and the page that says so."""

    def __init__(self, known: Checks, page: Path, how: str) -> None:
        self.known, self.page, self.how = known, page, how
        self.shown: dict[str, Shown] = {}
        self.message = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a marked test went."""
        found: Any = dict(report.user_properties).get(_PROPERTY)
        if found is None or hasattr(report, "wasxfail"):
            return
        if report.when == "call" or (report.when == "setup" and report.skipped):
            ids, test, database = found
            self.shown[report.nodeid] = Shown(
                checks=frozenset(ids.split()),
                file=table.file_of(report.nodeid),
                test=test,
                database=database or None,
                passed=report.passed,
            )

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write or compare; a run that failed shows nothing, and is left at that."""
        if exitstatus != pytest.ExitCode.OK:
            if self.how == "write":
                self.message = "docs/conformance.md is not written: the run failed."
            return
        text = table.render(self.known, self.shown.values())
        wrong = table.problems(self.known, self.shown.values())
        if self.how == "write":
            self.page.write_text(text, encoding="utf-8")
            self.message = "docs/conformance.md is written."
        elif not self.page.exists() or self.page.read_text(encoding="utf-8") != text:
            wrong.append(f"docs/conformance.md is not what this run shows: {_RENEW}")
        if wrong:
            self.message = f"{self.message} Conformance: {'; '.join(wrong)}.".strip()
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what came of it, in one line."""
        if self.message:
            terminalreporter.write_line(self.message)


def _named(node: Any) -> list[str]:
    return [name for mark in node.iter_markers(_MARK) for name in mark.args]


def _database(item: pytest.Item) -> str | None:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    for value in parameters.values():
        if isinstance(value, str) and value in table.DATABASES:
            return value
    return None
