"""Who did what: an append-only record of events named ``source:subject:action``.

An event is written in the transaction of what it tells of: both are kept, or neither is.
Values of secrets never get here (``masking``); ``detail`` names what changed, with before and
after. No event is changed, and none is deleted before its time: the database itself refuses it
(``retention``).
"""

from idp.audit.events import Event
from idp.audit.masking import HIDDEN
from idp.audit.writing import (
    AuditEvent,
    Noted,
    Who,
    acting_for,
    changes,
    init_app,
    record,
    record_many,
)

__all__ = [
    "HIDDEN",
    "AuditEvent",
    "Event",
    "Noted",
    "Who",
    "acting_for",
    "changes",
    "init_app",
    "record",
    "record_many",
]
