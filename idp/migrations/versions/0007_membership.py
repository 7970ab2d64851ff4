"""Memberships added by hand, with roles, dates and history.

Revision ID: 0007
Revises: 0006
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: a table made anew would lose its triggers on SQLite.
    op.add_column(
        "group",
        sa.Column("evaluated_on", sa.Date(), server_default="1970-01-01", nullable=False),
    )
    op.create_index(op.f("ix_group_evaluated_on"), "group", ["evaluated_on"])

    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("role", sa.String(length=100), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("begin_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("end_on", sa.Date(), nullable=True))
        batch_op.drop_constraint(
            batch_op.f("uq_membership_group_id_contact_id_origin"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_membership_group_id_contact_id_origin_role"),
            ["group_id", "contact_id", "origin", "role"],
        )

    op.create_table(
        "addition",
        *_of_group_and_contact("addition"),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("begin_on", sa.Date(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("origin IN ('hand', 'import')", name=op.f("ck_addition_origin")),
        sa.CheckConstraint(
            "begin_on <= end_on", name=op.f("ck_addition_begins_before_it_ends")
        ),
        sa.UniqueConstraint(
            "group_id",
            "contact_id",
            "origin",
            "role",
            name=op.f("uq_addition_group_id_contact_id_origin_role"),
        ),
    )
    op.create_index("ix_addition_contact_id", "addition", ["contact_id", "group_id"])

    op.create_table(
        "exclusion",
        *_of_group_and_contact("exclusion"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "group_id", "contact_id", name=op.f("uq_exclusion_group_id_contact_id")
        ),
    )
    op.create_index("ix_exclusion_contact_id", "exclusion", ["contact_id", "group_id"])

    op.create_table(
        "past_membership",
        *_of_group_and_contact("past_membership"),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("begin_on", sa.Date(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "ix_past_membership_group_id", "past_membership", ["group_id", "left_at", "contact_id"]
    )
    op.create_index(
        "ix_past_membership_contact_id", "past_membership", ["contact_id", "left_at"]
    )

    version = op.create_table(
        "catalogue_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_version_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_version")),
    )
    op.bulk_insert(version, [{"id": 1, "version": secrets.randbits(62)}])


def _of_group_and_contact(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f(f"fk_{table}_group_id_group"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contact.id"],
            name=op.f(f"fk_{table}_contact_id_contact"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def downgrade() -> None:
    raise NotImplementedError("roles, dates and history have no place before")
