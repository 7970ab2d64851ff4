"""What saving a group as it is being edited would do, in the staff's words: counts beside the
condition, and a page of names with reasons. Nothing is written, and nothing typed is lost: it
travels along in the page's forms."""

from dataclasses import dataclass
from typing import Any

from flask import request

from admin.lists import LONGEST_SEARCH
from idp.database import db, reading
from idp.directory import conditions
from idp.directory.difference import Edited
from idp.directory.groups import Group
from sync import preview
from sync.preview import LISTS, Counts, Who

NOUNS = {
    "people": ("person", "people"),
    "companies": ("company", "companies"),
    "both": ("contact", "contacts"),
}
TABS: dict[Who, str] = {
    "join": "Join",
    "leave": "Leave",
    "change": "Change",
    "left_out": "Will not reach Higher Logic",
    "shared": "Shared e-mail address",
    "members": "Everybody in it",
}
# What the page's own buttons and fields say; all else is the group's form, and travels along.
ASKED = (
    *("csrf_token", "look", "preview", "confirmed", "edit"),
    *("who", "q", "after", "before"),
)


@dataclass(frozen=True)
class Shown:
    """The counts of a preview in words."""

    sentence: str
    selects: str
    counts: Counts

    @property
    def outcome(self) -> str:
        """“1,813 people will be in it; 1,414 of them will sync”"""
        number = self.counts.members
        if not number:
            return "Nobody matches"
        noun = NOUNS[self.selects][number > 1]
        return f"{number:,} {noun} will be in it; {self.counts.syncing:,} of them will sync"

    @property
    def movement(self) -> str:
        """“When you save: 12 join, 3 leave, 9 match but will not reach Higher Logic: …”"""
        return f"When you save: {self.counts.sentence[:1].lower()}{self.counts.sentence[1:]}"

    @property
    def shared(self) -> str:
        """What to say of those who will sync with an address that another has; empty of nobody."""
        number = self.counts.shared
        if not number:
            return ""
        who = (
            "1 that will sync shares its" if number == 1 else f"{number:,} that will sync share an"
        )
        return f"{who} e-mail address with another who syncs: Higher Logic wants each address once"

    @property
    def held(self) -> str:
        """What to say of removals that the guard would hold; empty where it would not."""
        if not self.counts.held:
            return ""
        return (
            f"The removals would be held back until an owner decides: {self.counts.held}. "
            "Everything else would go on"
        )

    def as_json(self) -> dict[str, Any]:
        """For the script."""
        return {
            "sentence": self.sentence,
            "outcome": self.outcome,
            "movement": self.movement,
            "shared": self.shared,
            "held": self.held,
        }


def shown(tree: conditions.Tree, selects: str, group: Group | None, sentence: str) -> Shown:
    """The counts of what a checked condition would do, which is said by a sentence. Reads only."""
    edited = Edited(tree, selects, group.id if group is not None else None)
    return Shown(sentence, selects, preview.counts(edited))


def page(tree: conditions.Tree, selects: str, group: Group | None) -> dict[str, Any]:
    """What the page of names shows, by the request's form. Writes nothing: it cannot."""
    edited = Edited(tree, selects, group.id if group is not None else None)
    search = _asked("q")
    db.session.rollback()
    with reading():
        counts = preview.counts(edited)
        who = _who(counts)
        listed = preview.page(
            edited, who, search=search, after=_asked("after"), before=_asked("before")
        )
        sentence = conditions.sentence(tree)
        db.session.rollback()
    return {
        "shown": Shown(sentence, selects, counts),
        "tabs": [(name, TABS[name], counts.of(name)) for name in LISTS if counts.of(name)],
        "who": who,
        "search": search,
        "listed": listed,
        "typed": [
            (name, value) for name, value in request.form.items(multi=True) if name not in ASKED
        ],
    }


def _asked(name: str) -> str:
    return request.form.get(name, "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def _who(counts: Counts) -> Who:
    """The list that is asked for, or the first that has anybody."""
    asked = request.form.get("who", "")
    if asked in LISTS:
        return asked
    return next((name for name in LISTS if counts.of(name)), "members")
