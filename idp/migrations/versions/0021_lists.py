"""Lists of people and companies: found by the beginnings of words, walked in order; columns for
custom fields; when an account last signed in.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

# What a list looks through: idp/directory/searching.py has the same, for Postgres to the letter.
NAMES = ("first_name", "informal_name", "last_name", "name", "email", "member_id")
TEXT = "{0}first_name || ' ' || {0}informal_name || ' ' || {0}last_name || ' ' || {0}name || ' ' || {0}email || ' ' || {0}member_id || ' ' || CASE WHEN {0}kind = 'company' THEN {0}city ELSE '' END"
# What `words` in idp/folding.py parts words at.
PARTING = "".join(chr(code) for code in range(1, 128) if not chr(code).isalnum()) + (
    "\u00a0\u00ab\u00b7\u00bb\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e"
)
PEOPLE = "kind = 'person' AND merged_into_id IS NULL"
COMPANIES = "kind = 'company' AND merged_into_id IS NULL"
LAST, FIRST = "tessera_folded(last_name)", "tessera_folded(first_name)"
ORDERS = {
    "ix_contact_people_by_name": (f"{LAST}, {FIRST}, id", PEOPLE),
    "ix_contact_people_by_email": ("tessera_folded(email), id", PEOPLE),
    "ix_contact_people_by_status": (f"member_status, {LAST}, {FIRST}, id", PEOPLE),
    "ix_contact_companies_by_name": ("tessera_folded(name), id", COMPANIES),
}


def upgrade() -> None:
    op.add_column(
        'custom_field',
        sa.Column('in_lists', sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column('account', sa.Column('signed_in_at', sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE account SET signed_in_at = (SELECT max(started_at) FROM sign_in_session"
        " WHERE sign_in_session.account_id = account.id)"
    )
    # SQLite would take it for every list, since it knows the kind, and then sort all of them.
    op.drop_index('ix_contact_name', table_name='contact')
    for name, (columns, rows) in ORDERS.items():
        op.execute(f"CREATE INDEX {name} ON contact ({columns}) WHERE {rows}")
    if op.get_bind().dialect.name == 'postgresql':
        _words_on_postgres()
    else:
        _words_on_sqlite()


def _words_on_postgres() -> None:
    # Of functions, it asks Postgres's own alone: an index is made with a search path of its own.
    op.get_bind().exec_driver_sql(
        "CREATE FUNCTION tessera_words(text) RETURNS tsvector "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
        "$words$ SELECT array_to_tsvector(array_remove(string_to_array("
        f"translate($1, {_literal(PARTING)}, repeat(' ', {len(PARTING)})),"
        " ' '), '')) $words$"
    )
    text = TEXT.format("")
    op.get_bind().exec_driver_sql(
        f"CREATE INDEX ix_contact_words ON contact USING gin (tessera_words(tessera_folded({text})))"
    )


def _literal(text: str) -> str:
    return "E'" + "".join(f"\\u{ord(character):04x}" for character in text) + "'"


def _words_on_sqlite() -> None:
    # The index keeps its text: what an update takes out must be what was put in.
    op.execute("CREATE VIRTUAL TABLE contact_words USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
    op.execute(
        "INSERT INTO contact_words (rowid, words) "
        f"SELECT id, tessera_folded({TEXT.format('')}) FROM contact"
    )
    # Triggers, since many rows are written by statements that no model sees. They go when a later
    # migration makes the table anew (batch_alter_table): it must make them again, and the indexes.
    new = TEXT.format("NEW.")
    watched = ", ".join((*NAMES, "city"))
    op.execute(
        "CREATE TRIGGER contact_words_made AFTER INSERT ON contact BEGIN "
        f"INSERT INTO contact_words (rowid, words) VALUES (NEW.id, tessera_folded({new})); END"
    )
    op.execute(
        f"CREATE TRIGGER contact_words_changed AFTER UPDATE OF {watched} ON contact BEGIN "
        f"UPDATE contact_words SET words = tessera_folded({new}) WHERE rowid = NEW.id; END"
    )
    op.execute(
        "CREATE TRIGGER contact_words_gone AFTER DELETE ON contact BEGIN "
        "DELETE FROM contact_words WHERE rowid = OLD.id; END"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("DROP INDEX ix_contact_words")
        op.execute("DROP FUNCTION tessera_words(text)")
    else:
        for what in ("made", "changed", "gone"):
            op.execute(f"DROP TRIGGER contact_words_{what}")
        op.execute("DROP TABLE contact_words")
    for name in ORDERS:
        op.execute(f"DROP INDEX {name}")
    op.create_index('ix_contact_name', 'contact', ['kind', 'last_name', 'first_name'])
    op.drop_column('account', 'signed_in_at')
    op.drop_column('custom_field', 'in_lists')
