"""The audit is found by who, whom and what, kept for so long, and never changed.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

INDEXES = {
    'ix_audit_event_at': ['at', 'id'],
    'ix_audit_event_name': ['name', 'at', 'id'],
    'ix_audit_event_subject': ['subject', 'at', 'id'],
    'ix_audit_event_also_about': ['also_about', 'at', 'id'],
    'ix_audit_event_actor_key': ['actor_key', 'at', 'id'],
}
# What the database lets go: nothing that is younger than the association keeps it, nor than 90
# days, whatever that says.
DAYS = 'coalesce((SELECT audit_days FROM association WHERE id = 1), 730)'
TEXT = 'the audit is not changed'


def upgrade() -> None:
    op.add_column(
        'association', sa.Column('audit_days', sa.Integer(), server_default='730', nullable=False)
    )
    for name in ('actor_key', 'also_about'):
        op.add_column('audit_event', sa.Column(name, sa.String(), server_default='', nullable=False))
    _carry_over()
    op.drop_index('ix_audit_event_at', 'audit_event')
    for name, columns in INDEXES.items():
        op.create_index(name, 'audit_event', columns)
    _refuse()


def _postgres() -> bool:
    return op.get_bind().dialect.name == 'postgresql'


def _carry_over() -> None:
    """Who acted was an address; whom a group's event was about stood in the detail alone."""
    op.execute(
        "UPDATE audit_event SET actor_key = coalesce((SELECT contact.key FROM account "
        "JOIN contact ON contact.id = account.person_id "
        "WHERE account.email_key = tessera_folded(audit_event.actor)), '')"
    )
    part = "detail->>'{}'" if _postgres() else "json_extract(detail, '$.{}')"
    for name, events in (('contact', 'staff:membership:%'), ('merged', 'staff:contact:merged')):
        op.execute(
            f"UPDATE audit_event SET also_about = coalesce({part.format(name)}, '') "
            f"WHERE name LIKE '{events}'"
        )
    op.execute("UPDATE audit_event SET also_about = actor_key WHERE name LIKE 'member:consent:%'")


def _refuse() -> None:
    if _postgres():
        op.execute(
            'CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
            "IF TG_OP = 'DELETE' AND "
            f"OLD.at < now() - make_interval(days => greatest({DAYS}, 90)) THEN "
            'RETURN OLD; END IF; '
            f"RAISE EXCEPTION '{TEXT}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        op.execute(
            'CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW '
            'EXECUTE FUNCTION audit_kept()'
        )
        op.execute(
            'CREATE TRIGGER audit_kept_whole BEFORE TRUNCATE ON audit_event '
            'EXECUTE FUNCTION audit_kept()'
        )
        return
    op.execute(
        'CREATE TRIGGER audit_kept_update BEFORE UPDATE ON audit_event FOR EACH ROW '
        f"BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
    )
    op.execute(
        'CREATE TRIGGER audit_kept_delete BEFORE DELETE ON audit_event FOR EACH ROW '
        "WHEN OLD.at >= strftime('%Y-%m-%d %H:%M:%f', 'now', "
        f"'-' || max({DAYS}, 90) || ' days') "
        f"BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
    )


def downgrade() -> None:
    if _postgres():
        op.execute('DROP TRIGGER audit_kept ON audit_event')
        op.execute('DROP TRIGGER audit_kept_whole ON audit_event')
        op.execute('DROP FUNCTION audit_kept()')
    else:
        op.execute('DROP TRIGGER audit_kept_update')
        op.execute('DROP TRIGGER audit_kept_delete')
    for name in INDEXES:
        op.drop_index(name, 'audit_event')
    op.create_index('ix_audit_event_at', 'audit_event', ['at'])
    for name in ('also_about', 'actor_key'):
        op.drop_column('audit_event', name)
    op.drop_column('association', 'audit_days')
