"""When, each day, every record is compared with what Higher Logic accepted last.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'higher_logic_connection',
        sa.Column('reconcile_hour', sa.SmallInteger(), server_default='3', nullable=True),
    )
    op.add_column(
        'higher_logic_connection', sa.Column('reconciled_on', sa.Date(), nullable=True)
    )


def downgrade() -> None:
    op.drop_column('higher_logic_connection', 'reconciled_on')
    op.drop_column('higher_logic_connection', 'reconcile_hour')
