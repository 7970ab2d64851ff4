"""The removal guard: what is held back of which group, its limits, and imports under way.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN, the same on both databases.
    for name, value in (("guard_people", "100"), ("guard_percent", "10")):
        op.add_column(
            "higher_logic_connection",
            sa.Column(name, sa.Integer(), server_default=value, nullable=False),
        )
    op.create_table(
        "hold",
        sa.Column("group_key", sa.String(length=100), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("group_key", name=op.f("pk_hold")),
    )
    op.create_table(
        "held_removal",
        sa.Column("group_key", sa.String(length=100), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "standing IN ('passed', 'waiting', 'held', 'refused', 'allowed')",
            name=op.f("ck_held_removal_standing"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contact.id"],
            name=op.f("fk_held_removal_contact_id_contact"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_key", "contact_id", name=op.f("pk_held_removal")),
    )
    op.create_index("ix_held_removal_contact_id", "held_removal", ["contact_id"])
    op.create_index(
        "ix_held_removal_group_key", "held_removal", ["group_key", "standing", "at"]
    )
    op.create_table(
        "import_under_way",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_import_under_way")),
    )


def downgrade() -> None:
    for table in ("import_under_way", "held_removal", "hold"):
        op.drop_table(table)
    for name in ("guard_percent", "guard_people"):
        op.drop_column("higher_logic_connection", name)
