"""The ledger keeps what Higher Logic was told of a contact's groups.

Of who was accepted before, that is taken to be what they are in now.

Revision ID: 0010
Revises: 0009
"""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
CHUNK = 1000


def upgrade() -> None:
    op.add_column("ledger", sa.Column("told", DOCUMENT, nullable=True))
    after = 0
    while (last := _fill(after)) is not None:
        after = last


def _fill(after: int) -> int | None:
    ledger = sa.table(
        "ledger", sa.column("contact_id"), sa.column("accepted_at"), sa.column("told", DOCUMENT)
    )
    membership = sa.table(
        "membership",
        *(sa.column(name) for name in ("id", "contact_id", "group_id", "role")),
        *(sa.column("begin_on", sa.Date), sa.column("end_on", sa.Date)),
        sa.column("since", sa.DateTime(timezone=True)),
    )
    group = sa.table("group", *(sa.column(name) for name in ("id", "key", "type", "sync")))
    bind = op.get_bind()
    ids = bind.scalars(
        sa.select(ledger.c.contact_id)
        .where(ledger.c.contact_id > after, ledger.c.accepted_at.is_not(None))
        .order_by(ledger.c.contact_id)
        .limit(CHUNK)
    ).all()
    if not ids:
        return None
    rows = bind.execute(
        sa.select(membership, group.c.key, group.c.type)
        .join(group, group.c.id == membership.c.group_id)
        .where(
            membership.c.contact_id > after,
            membership.c.contact_id <= ids[-1],
            group.c.sync.is_(sa.true()),
        )
        .order_by(group.c.key, membership.c.id)
    )
    found: Any = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.contact_id][row.key].append(row)
    told = {
        contact_id: {key: _told(rows) for key, rows in groups.items()}
        for contact_id, groups in found.items()
    }
    bind.execute(
        sa.update(ledger)
        .where(ledger.c.contact_id == sa.bindparam("of_contact"))
        .values(told=sa.bindparam("said", type_=DOCUMENT)),
        [{"of_contact": one, "said": told.get(one, {})} for one in ids],
    )
    return int(ids[-1])


def _told(rows: list[Any]) -> list[list[str | None]]:
    """As `sync.records.feed` puts one contact's memberships of one group together."""
    with_role = [row for row in rows if row.role] if rows[0].type == "community" else []
    by_role: Any = defaultdict(list)
    for row in with_role or rows:
        by_role[row.role.casefold() if with_role else ""].append(row)
    told: list[list[str | None]] = []
    for same in by_role.values():
        begins = min(row.begin_on or row.since.date() for row in same)
        ends = [row.end_on for row in same]
        end = None if None in ends else max(ends).isoformat()
        told.append([same[0].role if with_role else "", begins.isoformat(), end])
    return told


def downgrade() -> None:
    op.drop_column("ledger", "told")
