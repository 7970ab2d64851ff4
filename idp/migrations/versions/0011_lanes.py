"""The ledger has two lanes: what somebody waits for is claimed before what is many.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

BULK = 1


def upgrade() -> None:
    op.add_column(
        'ledger', sa.Column('lane', sa.SmallInteger(), server_default='0', nullable=False)
    )
    # What waits already may be a whole first sync: nothing in it is known to be live.
    op.execute(sa.text("UPDATE ledger SET lane = :lane").bindparams(lane=BULK))
    _index(['lane', 'rank', 'next_try_at', 'contact_id'])


def downgrade() -> None:
    _index(['rank', 'next_try_at', 'contact_id'])
    op.drop_column('ledger', 'lane')


def _index(columns: list[str]) -> None:
    op.drop_index('ix_ledger_due', 'ledger')
    op.create_index(
        'ix_ledger_due',
        'ledger',
        columns,
        postgresql_where=sa.text("wanted > accepted"),
        sqlite_where=sa.text("wanted > accepted"),
    )
