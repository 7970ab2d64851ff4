"""Everything is compared when staff ask for it, and what the last comparison found is kept.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('reconcile_due_at', 'reconciled_at'):
        op.add_column(
            'higher_logic_connection',
            sa.Column(name, sa.DateTime(timezone=True), nullable=True),
        )
    document = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column(
        'higher_logic_connection', sa.Column('reconcile_found', document, nullable=True)
    )


def downgrade() -> None:
    for name in ('reconcile_found', 'reconciled_at', 'reconcile_due_at'):
        op.drop_column('higher_logic_connection', name)
