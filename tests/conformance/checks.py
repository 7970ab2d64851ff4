"""The checks that the project is held to, as ``checks.toml`` lists them."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

_ID = re.compile(r"[A-Z]{1,2}\d{1,2}")


class InvalidChecks(ValueError):
    """The list contradicts itself; the text says where."""


@dataclass(frozen=True)
class Section:
    """Checks of one subject: requirements by id, in order. ``source`` is who asks for them.

    Where a section is ``required``, each check needs a test or a reason why it does not apply.
    """

    title: str
    source: str
    required: bool
    checks: dict[str, str]


@dataclass(frozen=True)
class Checks:
    """All sections, and the reasons of the checks that do not apply."""

    sections: tuple[Section, ...]
    does_not_apply: dict[str, str]

    @property
    def ids(self) -> frozenset[str]:
        """Every id that a marker may name."""
        return frozenset(name for section in self.sections for name in section.checks)


def load(path: Path) -> Checks:
    """Read a list. Raises ``InvalidChecks``, ``OSError``, ``tomllib.TOMLDecodeError``."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    checks = Checks(
        sections=tuple(Section(**section) for section in read["section"]),
        does_not_apply=read.get("does_not_apply", {}),
    )
    names = [name for section in checks.sections for name in section.checks]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InvalidChecks(f"listed twice: {', '.join(sorted(twice))}")
    if odd := [name for name in names if not _ID.fullmatch(name)]:
        raise InvalidChecks(f"no ids: {', '.join(odd)}")
    if unknown := checks.does_not_apply.keys() - checks.ids:
        raise InvalidChecks(f"unknown: {', '.join(sorted(unknown))}")
    return checks
