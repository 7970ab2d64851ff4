"""Why what is pending of a contact is not at Higher Logic yet, in the staff's words."""

from idp.database import now
from sync.connection import HigherLogicConnection

COMPANY = "Higher Logic has not accepted this person’s company yet, which goes first."


def reason(link: HigherLogicConnection, *, for_company: bool, last_error: str) -> str:
    """Why it waits; empty where it is about to be sent. ``for_company`` is ``due.waits``."""
    if not link.configured:
        return "Nothing is sent until an owner has entered the tenant code and the API key."
    if link.stopped_at is not None:
        return link.stopped_reason
    if link.paused_until is not None and link.paused_until > now():
        return link.paused_reason
    return COMPANY if for_company else last_error
