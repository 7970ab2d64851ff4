"""The association's logo, and how far its set-up is.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('association_logo',
    sa.Column('token', sa.String(length=22), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('token', name=op.f('pk_association_logo'))
    )
    op.add_column('association', sa.Column('logo_token', sa.String(length=22), nullable=True))
    op.add_column('association', sa.Column('logo_width', sa.Integer(), nullable=True))
    op.add_column('association', sa.Column('logo_height', sa.Integer(), nullable=True))
    op.add_column(
        'association',
        sa.Column(
            'decided',
            sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'),
            server_default='[]',
            nullable=False,
        ),
    )
    op.add_column(
        'association', sa.Column('launched_at', sa.DateTime(timezone=True), nullable=True)
    )
    # Who has had a group at Higher Logic is beyond the set-up.
    op.execute(
        'UPDATE association SET launched_at = CURRENT_TIMESTAMP WHERE EXISTS ('
        'SELECT 1 FROM ledger WHERE accepted_at IS NOT NULL)'
        ' AND EXISTS (SELECT 1 FROM "group" WHERE synced_since IS NOT NULL)'
    )


def downgrade() -> None:
    for name in ('launched_at', 'decided', 'logo_height', 'logo_width', 'logo_token'):
        op.drop_column('association', name)
    op.drop_table('association_logo')
