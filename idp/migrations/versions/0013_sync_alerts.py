"""Who is told of the sync's trouble by mail, and what they were told.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from idp.database import JSONDocument

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_OPEN = sa.text('over_at IS NULL')


def upgrade() -> None:
    op.add_column(
        'higher_logic_connection',
        sa.Column('alert_addresses', JSONDocument, server_default='[]', nullable=False),
    )
    op.add_column(
        'higher_logic_connection',
        sa.Column('alert_after_hours', sa.Integer(), server_default='6', nullable=False),
    )
    op.add_column(
        'higher_logic_connection',
        sa.Column('resumed_at', sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        'sync_alert',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('subject', sa.String(length=100), nullable=False),
        sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('over_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_alert')),
    )
    op.create_index(
        'ix_sync_alert_open',
        'sync_alert',
        ['kind', 'subject'],
        unique=True,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_table(
        'sync_alert_mail',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('alert_id', sa.Integer(), nullable=False),
        sa.Column('address', sa.String(length=254), nullable=False),
        sa.Column('subject', sa.String(), nullable=False),
        sa.Column('text', sa.String(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
        sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['alert_id'],
            ['sync_alert.id'],
            name=op.f('fk_sync_alert_mail_alert_id_sync_alert'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_alert_mail')),
    )
    op.create_index('ix_sync_alert_mail_alert_id', 'sync_alert_mail', ['alert_id'])
    op.create_index('ix_sync_alert_mail_due_at', 'sync_alert_mail', ['due_at'])


def downgrade() -> None:
    op.drop_table('sync_alert_mail')
    op.drop_table('sync_alert')
    for name in ('resumed_at', 'alert_after_hours', 'alert_addresses'):
        op.drop_column('higher_logic_connection', name)
