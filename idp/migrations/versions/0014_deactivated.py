"""What Higher Logic is told of who is deactivated is the association's choice.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A rule along with a column, both databases know; of a table that exists, SQLite learns one in
    # no other way than by making it anew.
    op.execute(
        "ALTER TABLE higher_logic_connection ADD COLUMN deactivated VARCHAR(10) "
        "DEFAULT 'keep' NOT NULL CONSTRAINT ck_higher_logic_connection_deactivated "
        "CHECK (deactivated IN ('keep', 'inactive', 'no_groups'))"
    )


def downgrade() -> None:
    with op.batch_alter_table('higher_logic_connection') as batch:
        batch.drop_constraint('ck_higher_logic_connection_deactivated', type_='check')
        batch.drop_column('deactivated')
