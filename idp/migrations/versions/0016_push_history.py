"""What was sent of each contact, and what came back.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'push_attempt',
        sa.Column(
            'id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False
        ),
        sa.Column('contact_id', sa.Integer(), nullable=False),
        sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('milliseconds', sa.Integer(), nullable=False),
        sa.Column('code', sa.String(length=20), nullable=False),
        sa.Column('words', sa.String(length=500), nullable=False),
        sa.Column('batch_size', sa.Integer(), nullable=False),
        sa.Column('packed', sa.LargeBinary(), nullable=False),
        sa.Column('lasting', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.ForeignKeyConstraint(
            ['contact_id'],
            ['contact.id'],
            name=op.f('fk_push_attempt_contact_id_contact'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_push_attempt')),
    )
    op.create_index('ix_push_attempt_contact', 'push_attempt', ['contact_id', 'id'])
    op.create_index(
        'ix_push_attempt_age',
        'push_attempt',
        ['last_at'],
        postgresql_where=sa.text('NOT lasting'),
        sqlite_where=sa.text('lasting = 0'),
    )
    op.add_column(
        'higher_logic_connection',
        sa.Column('history_days', sa.Integer(), server_default='90', nullable=False),
    )


def downgrade() -> None:
    op.drop_column('higher_logic_connection', 'history_days')
    op.drop_table('push_attempt')
