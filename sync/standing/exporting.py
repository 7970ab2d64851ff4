"""What Higher Logic has not taken yet, and what it refused, as a table to export."""

from sqlalchemy import case, func, or_, select

from idp import exporting
from idp.exporting import Table
from sync import ledger, scope


def waiting() -> Table:
    """Every contact that is pending or refused, with what Higher Logic said last."""
    contact, row = scope.contacts("waiting"), ledger.table.c
    title = case(
        (contact.c.kind == "company", contact.c.name),
        else_=func.trim(contact.c.first_name + " " + contact.c.last_name),
    )
    state = case((ledger.failed(), "refused"), else_="pending")
    query = (
        select(
            *(contact.c.key, contact.c.kind, title.label("title"), contact.c.email),
            *(state.label("state"), row.last_error, row.attempts),
            *(row.last_pushed_at, row.next_try_at, row.accepted_at),
        )
        .select_from(ledger.table)
        .join(contact, contact.c.id == row.contact_id)
        .where(or_(ledger.failed(), ledger.pending()))
    )
    header = [
        *("Key", "Kind", "Name", "E-mail", "State", "What Higher Logic said", "Tries"),
        *("Last sent (UTC)", "Next try (UTC)", "Last accepted (UTC)"),
    ]
    return exporting.table(
        "waiting", header, query, row.contact_id, lambda rows: [one[:-1] for one in rows]
    )
