"""The table of what the tests show: docs/conformance.md, as a text that depends on nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.conformance.checks import Checks, Section

DATABASES = {"sqlite": "SQLite", "postgres": "Postgres"}

_HEAD = """\
# Conformance

What Tessera is held to, and the tests that show it. This page is made from the tests' run: a test \
carries `@pytest.mark.compliance("T02")`, `make conformance` runs those tests and writes the page, \
and `make test` fails when the page is not what the run says. Do not edit it.

Every check names tests that pass, or the reason why it does not apply. *On* names the databases \
that its tests ran on; it is empty where none takes part. Tests that a machine skips, since it \
lacks a program they need, stay listed, but a check needs one that ran.
"""


@dataclass(frozen=True)
class Shown:
    """One run of a test that carries the mark.

    ``file`` is relative to the project's root, ``database`` one of ``DATABASES`` or ``None``;
    ``passed`` is false for a test that was skipped.
    """

    checks: frozenset[str]
    file: str
    test: str
    database: str | None
    passed: bool = True


def render(checks: Checks, shown: Iterable[Shown]) -> str:
    """The page: the same text for the same facts, whatever the order they came in."""
    runs = list(shown)
    parts = [_HEAD, _summary(checks, runs)]
    parts += [_section(section, checks, runs) for section in checks.sections]
    return "\n".join(parts)


def problems(checks: Checks, shown: Iterable[Shown]) -> list[str]:
    """What is wrong with the list in the light of a run, one line each."""
    passed = {name for run in shown if run.passed for name in run.checks}
    required = {name for part in checks.sections if part.required for name in part.checks}
    missing = required - passed - checks.does_not_apply.keys()
    found = []
    if missing:
        found.append(f"no test shows {_listed(missing)}, and no reason says that it need not")
    if contradicted := checks.does_not_apply.keys() & passed:
        found.append(f"a test shows {_listed(contradicted)}, which is said not to apply")
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _summary(checks: Checks, runs: list[Shown]) -> str:
    lines = ["| | checks | shown | do not apply | open |", "|---|---|---|---|---|"]
    for section in checks.sections:
        named = section.checks.keys()
        by_test = {name for run in runs for name in run.checks} & named
        needless = checks.does_not_apply.keys() & named
        counts = [len(named), len(by_test), len(needless), len(named - by_test - needless)]
        cells = " | ".join(str(count) for count in counts)
        lines.append(f"| [{section.title}](#{_anchor(section.title)}) | {cells} |")
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    kept = [character for character in title.lower() if character.isalnum() or character in " -"]
    return "".join(kept).replace(" ", "-")


def _section(section: Section, checks: Checks, runs: list[Shown]) -> str:
    lines = [f"## {section.title}", "", f"Source: {section.source}.", ""]
    if not section.required:
        lines += ["Not every check of this section is held to yet.", ""]
    lines += ["| check | requirement | shown by | on |", "|---|---|---|---|"]
    for name, requirement in section.checks.items():
        its = [run for run in runs if name in run.checks]
        lines.append(f"| {name} | {requirement} | {_evidence(name, its, checks)} | {_on(its)} |")
    return "\n".join(lines) + "\n"


def _evidence(name: str, runs: list[Shown], checks: Checks) -> str:
    if runs:
        tests = sorted({(run.file, run.test) for run in runs})
        return "<br>".join(f"[{_words(test)}](../{file})" for file, test in tests)
    if name in checks.does_not_apply:
        return f"*Does not apply.* {checks.does_not_apply[name]}"
    return "*Open.*"


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _on(runs: list[Shown]) -> str:
    found = {run.database for run in runs}
    return ", ".join(title for name, title in DATABASES.items() if name in found)


def file_of(nodeid: str) -> str:
    """The file of a test's id, as the page links to it."""
    return str(PurePosixPath(nodeid.split("::")[0]))
