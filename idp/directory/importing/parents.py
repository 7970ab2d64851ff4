"""The parents of companies: set when every company of the file is there."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from idp.database import db
from idp.directory import companies
from idp.directory.contacts import Company
from idp.directory.importing.planning import Plan
from idp.directory.importing.report import SHOWN_VALUE, Refusal, Report
from idp.directory.importing.rows import Reader
from idp.directory.importing.tables import CONTACTS
from idp.directory.importing.write import set_parents

CHUNK = 500
UNKNOWN = ("unknown_company", "There is no company of this key.")
CIRCLE = ("circle_of_parents", "The company would be part of itself.")


@dataclass
class _Child:
    number: int
    key: str
    parent_key: str
    counted: bool


@dataclass
class Parents:
    """Which company each company of a file has for a parent.

    A company whose parent is unknown, or that would be part of itself, is named as refused; it
    keeps the parent that it has.
    """

    reader: Reader
    report: Report
    _children: list[_Child] = field(default_factory=list)

    def note(self, plans: Sequence[Plan]) -> None:
        """Note the parents that a chunk's companies should have."""
        if "parent_key" in self.reader.columns:
            self._children += [
                _Child(plan.row.number, plan.key, plan.row.refers_to, plan.writes) for plan in plans
            ]

    def found(self) -> Iterator[list[tuple[int, int | None]]]:
        """Pairs of ids, company and parent, of those that change, in chunks; refuses the rest."""
        if not self._children:
            return
        there = _parents()
        wanted = there | {child.key: child.parent_key for child in self._children}
        wrong = self._wrong(there, wanted)
        for start in range(0, len(self._children), CHUNK):
            part = self._children[start : start + CHUNK]
            ids = _ids({child.key for child in part} | {child.parent_key for child in part})
            pairs = []
            for child in part:
                if child.key in wrong:
                    self._refuse(child, *wrong[child.key])
                elif there.get(child.key, "") != child.parent_key:
                    if not child.counted:
                        self.report.updated += 1
                        self.report.unchanged -= 1
                    if child.key in ids:  # in a dry run it may yet be to come
                        pairs.append((ids[child.key], ids.get(child.parent_key)))
            yield pairs

    def _wrong(self, there: dict[str, str], wanted: dict[str, str]) -> dict[str, tuple[str, str]]:
        """What is wrong with whose parent; ``wanted`` then has the parents as they will be."""
        wrong: dict[str, tuple[str, str]] = {}
        for start in range(0, len(self._children), CHUNK):
            part = self._children[start : start + CHUNK]
            ids = _ids({child.parent_key for child in part if child.parent_key})
            for child in part:
                if child.parent_key and not (child.parent_key in ids or child.parent_key in wanted):
                    wrong[child.key] = UNKNOWN
        for key in wrong:
            wanted[key] = there.get(key, "")
        # Who keeps the parent of before may close a circle with somebody who does not.
        while found := self._in_circles(wanted, wrong):
            wrong |= dict.fromkeys(found, CIRCLE)
            for key in found:
                wanted[key] = there.get(key, "")
        return wrong

    def _in_circles(self, wanted: dict[str, str], wrong: Container[str]) -> set[str]:
        keys = (child.key for child in self._children if child.key not in wrong)
        return {key for key in keys if _circle(key, wanted)}

    def write(self) -> None:
        """Set them, all or none: halfway there could be a circle. Commits.

        Raises ``InvalidValue`` for a circle with what somebody else wrote meanwhile.
        """
        moved: list[int] = []
        for pairs in self.found():
            set_parents(pairs)
            moved += [one for one, parent in pairs if parent is not None]
        for start in range(0, len(moved), CHUNK):
            # What others wrote meanwhile counts, too.
            if found := companies.in_a_circle(moved[start : start + CHUNK]):
                raise companies.circle(db.session.get_one(Company, found[0]))
        db.session.commit()

    def _refuse(self, child: _Child, reason: str, message: str) -> None:
        self.report.refuse(
            Refusal(
                child.number,
                self.reader.columns["parent_key"],
                child.parent_key[:SHOWN_VALUE],
                reason,
                message,
            )
        )


def _circle(key: str, parents: dict[str, str]) -> bool:
    above, passed = parents.get(key), {key}
    while above and above not in passed:
        passed.add(above)
        above = parents.get(above)
    return above == key


def _parents() -> dict[str, str]:
    """The key of each company's parent that there is now, by the company's key."""
    child, parent = CONTACTS.alias("child"), CONTACTS.alias("parent")
    query = select(child.c.key, parent.c.key).join(parent, parent.c.id == child.c.parent_id)
    return dict(db.session.execute(query).all())


def _ids(keys: set[str]) -> dict[str, int]:
    """The companies of these keys; of one that was merged, the one that was kept."""
    kept = func.coalesce(CONTACTS.c.merged_into_id, CONTACTS.c.id)
    query = select(CONTACTS.c.key, kept).where(
        CONTACTS.c.key.in_(keys), CONTACTS.c.kind == "company"
    )
    return dict(db.session.execute(query).all())
