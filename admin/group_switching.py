"""What switching a group's sync does, said in numbers before it is done."""

from dataclasses import dataclass

from idp.database import db, reading
from idp.directory.difference import Edited
from idp.directory.groups import Group
from sync import preview, switching
from sync.standing import status
from sync.switching import Told


@dataclass(frozen=True)
class Asked:
    """What the page asks about: of whom Higher Logic is told, and why others are not synced."""

    told: Told
    reasons: dict[str, int]

    @property
    def who(self) -> str:
        """“1,414 people and 32 companies”."""
        parts = [
            f"{number:,} {one if number == 1 else many}"
            for number, one, many in (
                (self.told.people, "person", "people"),
                (self.told.companies, "company", "companies"),
            )
            if number
        ]
        return " and ".join(parts) or "Nobody"

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """Why members do not sync, and how many, the most frequent reason first."""
        found = [(status.REASONS[name], number) for name, number in self.reasons.items() if number]
        return sorted(found, key=lambda one: -one[1])

    @property
    def not_synced(self) -> int:
        """How many members do not sync."""
        return sum(self.reasons.values())


def of_new(edited: Edited) -> Asked:
    """Count for a group that is being made. Reads only."""
    db.session.rollback()
    with reading():
        found = Asked(switching.of_edited(edited), preview.counts(edited).left_out)
        db.session.rollback()
    return found


def of_group(group: Group) -> Asked:
    """Count the members that a group has now."""
    return Asked(switching.of_group(group), status.left_out(group))
