"""What is documented is there, and what is there is documented."""

import re
from pathlib import Path

from idp.settings import Settings

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SOURCES = [
    path.read_text()
    for package in ("idp", "sync", "admin", "launch")
    for path in (ROOT / package).rglob("*.py")
]


def test_every_setting_is_documented_and_none_that_is_gone() -> None:
    documented = set(re.findall(r"^\| `TESSERA_(\w+)` \|", OPERATIONS, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_setting_has_a_docstring() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_message_id_is_documented_and_none_that_is_gone() -> None:
    raised = {found for text in SOURCES for found in re.findall(r'"(TSR-C\d+)', text)}
    documented: set[str] = set()
    for first, last in re.findall(r"TSR-C(\d+)(?: to TSR-C(\d+))?", OPERATIONS):
        documented |= {f"TSR-C{n:02d}" for n in range(int(first), int(last or first) + 1)}
    assert documented == raised


def test_every_dependency_has_its_reason() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text().casefold()
    for name in ("run", "test"):
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            package = re.match(r"[A-Za-z][A-Za-z0-9-]*", line)
            if package:
                assert package.group().casefold() in architecture, package.group()


def test_lock_files_name_no_download_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text()
        assert "--hash=" in path.read_text()


def test_the_locks_of_npm_name_no_download_address() -> None:
    found = [*(ROOT / "tests").rglob("package-lock.json"), *ROOT.glob("bench/**/package-lock.json")]
    ours = [path for path in found if "node_modules" not in path.parts]
    assert ours
    for path in ours:
        text = path.read_text()
        assert '"resolved"' not in text, path
        assert '"integrity"' in text, path


def test_every_picture_of_the_set_up_is_shown_and_none_that_is_gone() -> None:
    shown = re.findall(r"\(set-up/([a-z-]+\.png)\)", (ROOT / "docs" / "set-up.md").read_text())
    pictures = list((ROOT / "docs" / "set-up").glob("*.png"))
    assert sorted(shown) == sorted(path.name for path in pictures)
    assert all(path.stat().st_size < 120_000 for path in pictures)
