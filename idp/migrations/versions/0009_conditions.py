"""Conditions give the same answers on every database, and the association has a time zone.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

# Whose lower() knows every letter, the first that the server has: Postgres's own from 17 on, ICU's
# where it was built with it, the operating system's.
COLLATIONS = ("pg_c_utf8", "und-x-icu", "C.utf8", "C.UTF-8")


def upgrade() -> None:
    op.add_column(
        'association',
        sa.Column('time_zone', sa.String(length=64), server_default='UTC', nullable=False),
    )
    if op.get_bind().dialect.name == 'postgresql':
        _make_folded()


def _make_folded() -> None:
    found = set(
        op.get_bind().scalars(
            sa.text(
                "SELECT collname FROM pg_collation "
                "WHERE pg_collation_is_visible(oid) AND collencoding IN (-1, 6)"  # 6 is UTF8
            )
        )
    )
    encoding = op.get_bind().scalar(sa.text("SELECT getdatabaseencoding()"))
    collation = next((name for name in COLLATIONS if name in found), None)
    if encoding != "UTF8" or collation is None:
        raise RuntimeError(
            "Tessera needs a Postgres database in UTF8, and one of the collations "
            f"{', '.join(COLLATIONS)} (Postgres 17 and later has the first)."
        )
    # The twin of `fold` in idp/folding.py.
    op.execute(
        "CREATE FUNCTION tessera_folded(text) RETURNS text "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
        f"""$$ SELECT lower(translate($1, 'İΣς', 'iσσ') COLLATE "{collation}") $$"""
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("DROP FUNCTION tessera_folded(text)")
    op.drop_column('association', 'time_zone')
