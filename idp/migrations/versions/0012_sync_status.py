"""What the sync did minute by minute, and since when something is pending.

Revision ID: 0012
Revises: 0011
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from idp.database import UTCDateTime, now

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

_FAILED = sa.text('wanted > accepted AND refused = wanted')


def upgrade() -> None:
    op.create_table(
        'sync_minute',
        sa.Column('minute', sa.DateTime(timezone=True), nullable=False),
        sa.Column('verdict', sa.String(length=20), nullable=False),
        sa.Column('requests', sa.BigInteger(), nullable=False),
        sa.Column('contacts', sa.BigInteger(), nullable=False),
        sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('minute', 'verdict', name=op.f('pk_sync_minute')),
    )
    op.add_column('ledger', sa.Column('wanted_since', sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        'ix_ledger_failed',
        'ledger',
        ['last_error', 'contact_id'],
        postgresql_where=_FAILED,
        sqlite_where=_FAILED,
    )
    # Since when, nobody wrote down: since now at the latest.
    moment = sa.bindparam('moment', now(), type_=UTCDateTime())
    op.get_bind().execute(
        sa.text('UPDATE ledger SET wanted_since = :moment WHERE wanted > accepted').bindparams(
            moment
        )
    )
    # When something was accepted last, and how many contacts Higher Logic has.
    beginning = sa.bindparam('beginning', dt.datetime(1970, 1, 1, tzinfo=dt.UTC), type_=UTCDateTime())
    op.get_bind().execute(
        sa.text(
            "INSERT INTO sync_minute (minute, verdict, requests, contacts, first_at, last_at) "
            "SELECT :beginning, 'accepted', 0, count(*), min(accepted_at), max(accepted_at) "
            'FROM ledger WHERE accepted_at IS NOT NULL HAVING count(*) > 0'
        ).bindparams(beginning)
    )


def downgrade() -> None:
    op.drop_index('ix_ledger_failed', table_name='ledger')
    op.drop_column('ledger', 'wanted_since')
    op.drop_table('sync_minute')
