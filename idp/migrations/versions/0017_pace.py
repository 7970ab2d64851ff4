"""How much at once and how fast Higher Logic is pushed to, and what a pause ends with.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

TABLE = 'higher_logic_connection'
MOMENTS = ('probing_until', 'doubted_at', 'smaller_until', 'next_request_at')


def upgrade() -> None:
    for name, default in (('batch_size', '100'), ('doubts', '0')):
        op.add_column(
            TABLE, sa.Column(name, sa.Integer(), server_default=default, nullable=False)
        )
    for name in ('smaller_batch', 'requests_per_minute'):
        op.add_column(TABLE, sa.Column(name, sa.Integer(), nullable=True))
    for name in MOMENTS:
        op.add_column(TABLE, sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in (
        *('batch_size', 'doubts', 'smaller_batch', 'requests_per_minute'),
        *MOMENTS,
    ):
        op.drop_column(TABLE, name)
