"""Custom fields of eleven kinds, with what the database itself holds of their values.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KINDS = (
    "'text', 'long_text', 'yes_no', 'whole_number', 'decimal', 'date', 'one_of', 'several_of', "
    "'email', 'web_address', 'key'"
)
FITS_KIND = (
    "(kind IN ('one_of', 'several_of')) = (\"choice_id\" IS NOT NULL) AND "
    "(kind IN ('date')) = (\"date\" IS NOT NULL) AND "
    "(kind IN ('decimal')) = (\"decimal\" IS NOT NULL) AND "
    "(kind IN ('whole_number')) = (\"number\" IS NOT NULL) AND "
    "(kind IN ('text', 'long_text', 'email', 'web_address', 'key')) = (\"text\" IS NOT NULL) AND "
    "(kind IN ('yes_no')) = (\"truth\" IS NOT NULL)"
)

# Rows of which nothing could be made: a text of nothing, another kind's column, a second row
# where there is one. No page wrote them on purpose, and none showed them.
SAYS_NOTHING = """
DELETE FROM custom_field_value WHERE NOT EXISTS (
    SELECT 1 FROM custom_field WHERE custom_field.id = custom_field_value.field_id AND CASE
        WHEN custom_field.kind = 'text' THEN coalesce(custom_field_value.text, '') <> ''
        WHEN custom_field.kind = 'yes_no' THEN custom_field_value.truth IS NOT NULL
        WHEN custom_field.kind = 'whole_number' THEN custom_field_value.number IS NOT NULL
        WHEN custom_field.kind = 'date' THEN custom_field_value.date IS NOT NULL
        ELSE EXISTS (
            SELECT 1 FROM custom_field_choice
            WHERE custom_field_choice.id = custom_field_value.choice_id
            AND custom_field_choice.field_id = custom_field_value.field_id)
        END)
"""
SECOND = """
DELETE FROM custom_field_value WHERE id NOT IN (
    SELECT min(value.id) FROM custom_field_value AS value
    JOIN custom_field ON custom_field.id = value.field_id
    GROUP BY value.contact_id, value.field_id,
        CASE WHEN custom_field.kind = 'several_of' THEN value.choice_id ELSE 0 END)
"""
ONE_COLUMN = """
UPDATE custom_field_value SET
    text = CASE WHEN kind = 'text' THEN substr(text, 1, 20000) END,
    truth = CASE WHEN kind = 'yes_no' THEN truth END,
    number = CASE WHEN kind = 'whole_number' THEN number END,
    date = CASE WHEN kind = 'date' THEN date END,
    choice_id = CASE WHEN kind IN ('one_of', 'several_of') THEN choice_id END
"""

FIXED = {
    "custom_field_key": ("custom_field", "NEW.key <> OLD.key", "a field's key is permanent"),
    "custom_field_kind": ("custom_field", "NEW.kind <> OLD.kind", "a field's kind is permanent"),
    "custom_field_choice_key": (
        "custom_field_choice",
        "NEW.key <> OLD.key OR NEW.field_id <> OLD.field_id",
        "a choice's key is permanent",
    ),
}


def upgrade() -> None:
    op.execute("UPDATE custom_field SET member_may_edit = false WHERE NOT in_members_section")
    with op.batch_alter_table("custom_field") as batch_op:
        batch_op.drop_constraint("kind", type_="check")
        batch_op.create_check_constraint("kind", f"kind IN ({KINDS})")
        batch_op.create_check_constraint(
            "edit_needs_members_section", "NOT member_may_edit OR in_members_section"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_custom_field_id_kind"), ["id", "kind"]
        )
    with op.batch_alter_table("custom_field_choice") as batch_op:
        batch_op.create_unique_constraint(
            batch_op.f("uq_custom_field_choice_field_id_id"), ["field_id", "id"]
        )
    _values()
    _fix()


def _values() -> None:
    op.execute(SAYS_NOTHING)
    op.execute(SECOND)
    op.add_column("custom_field_value", sa.Column("kind", sa.String(length=20), nullable=True))
    op.add_column("custom_field_value", sa.Column("slot", sa.Integer(), nullable=True))
    op.add_column("custom_field_value", sa.Column("decimal", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE custom_field_value SET kind = "
        "(SELECT kind FROM custom_field WHERE custom_field.id = custom_field_value.field_id)"
    )
    op.execute(ONE_COLUMN)
    op.execute(
        "UPDATE custom_field_value "
        "SET slot = CASE WHEN kind = 'several_of' THEN choice_id ELSE 0 END"
    )
    with op.batch_alter_table("custom_field_value") as batch_op:
        batch_op.alter_column("kind", existing_type=sa.String(length=20), nullable=False)
        batch_op.alter_column("slot", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column(
            "number", existing_type=sa.Numeric(precision=20, scale=0), type_=sa.BigInteger()
        )
        batch_op.drop_constraint(
            batch_op.f("fk_custom_field_value_field_id_custom_field"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("fk_custom_field_value_choice_id_custom_field_choice"), type_="foreignkey"
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_custom_field_value_field_id_custom_field"),
            "custom_field",
            ["field_id", "kind"],
            ["id", "kind"],
            ondelete="CASCADE",
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_custom_field_value_field_id_custom_field_choice"),
            "custom_field_choice",
            ["field_id", "choice_id"],
            ["field_id", "id"],
            ondelete="CASCADE",
        )
        batch_op.create_check_constraint("fits_kind", FITS_KIND)
        batch_op.create_check_constraint(
            "slot", "slot = CASE WHEN kind = 'several_of' THEN choice_id ELSE 0 END"
        )
        batch_op.create_check_constraint(
            "text", '"text" IS NULL OR length("text") BETWEEN 1 AND 20000'
        )
        batch_op.drop_index("ix_custom_field_value_contact")
        batch_op.create_unique_constraint(
            batch_op.f("uq_custom_field_value_contact_id_field_id_slot"),
            ["contact_id", "field_id", "slot"],
        )


def _fix() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for name, (table, when, text) in FIXED.items():
        text = text.replace("'", "''")
        if postgres:
            op.execute(
                f"CREATE FUNCTION fixed_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; "
                "END $$"
            )
            op.execute(
                f"CREATE TRIGGER fixed_{name} BEFORE UPDATE ON {table} FOR EACH ROW "
                f"WHEN ({when}) EXECUTE FUNCTION fixed_{name}()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER fixed_{name} BEFORE UPDATE ON {table} FOR EACH ROW "
                f"WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"
            )


def downgrade() -> None:
    raise NotImplementedError("values of the new kinds have no place before")
