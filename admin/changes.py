"""What became of one person, company, group or client: the events about it, newest first."""

from dataclasses import dataclass

from flask import request

from admin import audit_lines
from admin.access import PanelView, page
from admin.audit import turned
from admin.audit_words import KINDS
from idp.audit.finding import SUBJECTS, Asked

# Who signs in every day would be told of nothing else.
SIGN_INS = tuple(event.value for event in KINDS["sign-ins"][1])


@dataclass(frozen=True)
class Subject:
    """What a page of changes is about: its title, the way back, the keys that it had."""

    title: str
    address: str
    keys: tuple[str, ...]


class ChangesPages(PanelView):
    """The page of what changed, as a part of a view: open to whoever may see the rest of it."""

    def changed(self, key: str) -> Subject:
        """What has a key; 404 for any other."""
        raise NotImplementedError

    @page("/<key:key>/changes")
    def changes(self, key: str) -> str:
        """What changed, by whom and when."""
        subject = self.changed(key)
        everything = request.args.get("all") == "1"
        found = turned(
            Asked(keys=subject.keys, columns=SUBJECTS, without=() if everything else SIGN_INS)
        )
        return self.render(
            "panel/changes.html",
            subject=subject,
            found=found,
            lines=audit_lines.lines(found.events),
            everything=everything,
        )
