"""All that Higher Logic's record of a contact takes, and records that were merged.

Columns are renamed and added, never a table made anew: on SQLite that would drop the triggers that
hold a key fast. The mappings of clients name two of the renamed columns.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RENAMED = {"phone": "phone_1", "mobile": "phone_2"}
ADDED = {
    "phone_1_type": (30, "OFFICE"),
    "phone_2_type": (30, "MOBILE"),
    "phone_3": (255, ""),
    "phone_3_type": (30, ""),
    "phone_4": (255, ""),
    "phone_4_type": (30, ""),
    "address_3": (255, ""),
    "google_plus": (500, ""),
    "blogger": (500, ""),
    "wordpress": (500, ""),
    "other_blog": (500, ""),
}


def upgrade() -> None:
    for before, after in RENAMED.items():
        op.execute(f"ALTER TABLE contact RENAME COLUMN {before} TO {after}")
    for name, (length, default) in ADDED.items():
        op.add_column(
            "contact",
            sa.Column(name, sa.String(length=length), server_default=default, nullable=False),
        )
    # With its constraints in one statement: SQLite adds none to a column that is there.
    op.execute(
        "ALTER TABLE contact ADD COLUMN merged_into_id INTEGER "
        "CONSTRAINT fk_contact_merged_into_id_contact REFERENCES contact (id) "
        "CONSTRAINT ck_contact_merged_is_inactive CHECK (merged_into_id IS NULL OR NOT active)"
    )
    merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index(
        "ix_contact_merged_into_id",
        "contact",
        ["merged_into_id"],
        postgresql_where=merged,
        sqlite_where=merged,
    )
    _rename_sources()


def _rename_sources() -> None:
    client = sa.table(
        "oauth_client",
        sa.column("id", sa.Integer()),
        sa.column("claim_map", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(client)).all():
        renamed = {claim: RENAMED.get(source, source) for claim, source in row.claim_map.items()}
        if renamed != row.claim_map:
            connection.execute(
                sa.update(client).where(client.c.id == row.id).values(claim_map=renamed)
            )


def downgrade() -> None:
    raise NotImplementedError("a third phone and a merged record have no place before")
