"""Roles for who only reads and for the help desk; when a sign-in gave its password again.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

NAME = 'ck_account_role'
BEFORE = "role IN ('member', 'staff', 'owner')"
NOW = "role IN ('member', 'help-desk', 'reader', 'staff', 'owner')"


def upgrade() -> None:
    _allow(NOW)
    op.add_column(
        'sign_in_session', sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        'sign_in_session', sa.Column('confirmed_hash', sa.String(length=64), nullable=True)
    )


def downgrade() -> None:
    op.drop_column('sign_in_session', 'confirmed_hash')
    op.drop_column('sign_in_session', 'confirmed_at')
    # Who only reads, or only helps, must not come to more by it.
    op.execute("UPDATE account SET role = 'member' WHERE role IN ('help-desk', 'reader')")
    _allow(BEFORE)


def _allow(rule: str) -> None:
    # No trigger is on the table, which SQLite makes anew for this.
    with op.batch_alter_table('account') as batch:
        batch.drop_constraint(op.f(NAME), type_='check')
        batch.create_check_constraint(op.f(NAME), rule)
