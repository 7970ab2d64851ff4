"""What Higher Logic has of a person or a company, since when, and what was sent before."""

from typing import Any

from flask import redirect, request, url_for

from admin.access import page
from admin.contact_addresses import home
from admin.lists import page_of
from admin.records import RecordView, found
from idp.directory.contacts import Contact
from sync.protocol import items
from sync.sent import history, history_words
from sync.standing import saying, status


class SentPages(RecordView):
    """The page about Higher Logic of a record."""

    @page("/<key:key>/higher-logic")
    def higher_logic(self, key: str) -> str:
        """The record as it was accepted last, and the history, the newest first."""
        return self._sent("panel/higher_logic.html", key)

    @page("/<key:key>/higher-logic/now")
    def higher_logic_now(self, key: str) -> str:
        """The same as a part of the page, which keeps it current while something is on its way."""
        return self._sent("panel/higher_logic_now.html", key)

    def _sent(self, template: str, key: str) -> str:
        contact: Contact = found(self.model, key)
        accepted = history.accepted_last(contact)
        item = history.item_of(accepted) if accepted is not None else None
        standing = status.of_contact(contact)
        return self.render(
            template,
            contact=contact,
            back=home(contact),
            sync=standing,
            sync_label=saying.label(standing),
            accepted=accepted,
            item=item,
            listing=page_of(history.of_contact(contact)),
            **_WORDS,
        )


def after_resend(contact: Contact) -> Any:
    """Back to the page where *Send again* was pressed: this one, or the record's own."""
    if request.args.get("then") == "higher-logic":
        return redirect(url_for(".higher_logic", key=contact.key), 303)
    return redirect(home(contact), 303)


def _json(attempt: Any) -> str:
    return items.as_json(history.item_of(attempt))


_WORDS: dict[str, Any] = {
    "rows_of": items.rows,
    "as_json": items.as_json,
    "json_of": _json,
    "sentence": history_words.sentence,
}
