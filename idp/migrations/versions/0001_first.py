"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "association",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_association_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_association")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column(
            "detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_at", ["at"], unique=False)

    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.String(length=255), nullable=False),
        sa.Column("member_type", sa.String(length=255), nullable=False),
        sa.Column("member_status", sa.String(length=255), nullable=False),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=255), nullable=False),
        sa.Column("mobile", sa.String(length=255), nullable=False),
        sa.Column("address_1", sa.String(length=255), nullable=False),
        sa.Column("address_2", sa.String(length=255), nullable=False),
        sa.Column("city", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("postal_code", sa.String(length=255), nullable=False),
        sa.Column("country", sa.String(length=255), nullable=False),
        sa.Column("website", sa.String(length=500), nullable=False),
        sa.Column("linkedin", sa.String(length=500), nullable=False),
        sa.Column("twitter", sa.String(length=500), nullable=False),
        sa.Column("facebook", sa.String(length=500), nullable=False),
        sa.Column("youtube", sa.String(length=500), nullable=False),
        sa.Column("bio", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("main_contact_id", sa.Integer(), nullable=True),
        sa.Column("prefix", sa.String(length=255), server_default="", nullable=False),
        sa.Column("first_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("middle_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("suffix", sa.String(length=255), server_default="", nullable=False),
        sa.Column("informal_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("designation", sa.String(length=255), server_default="", nullable=False),
        sa.Column("job_title", sa.String(length=255), server_default="", nullable=False),
        sa.Column("in_directory", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind = 'company' OR first_name <> '' OR last_name <> ''",
            name=op.f("ck_contact_person_has_name"),
        ),
        sa.CheckConstraint(
            "kind = 'person' OR name <> ''", name=op.f("ck_contact_company_has_name")
        ),
        sa.CheckConstraint("kind IN ('person', 'company')", name=op.f("ck_contact_kind")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["contact.id"], name=op.f("fk_contact_company_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["main_contact_id"], ["contact.id"], name=op.f("fk_contact_main_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["contact.id"], name=op.f("fk_contact_parent_id_contact")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("key", name=op.f("uq_contact_key")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_company_id"), ["company_id"], unique=False)
        batch_op.create_index("ix_contact_email_key", ["email_key"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_contact_main_contact_id"), ["main_contact_id"], unique=False
        )
        batch_op.create_index("ix_contact_member_status", ["member_status"], unique=False)
        batch_op.create_index("ix_contact_name", ["kind", "last_name", "first_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_contact_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "custom_field",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("applies_to", sa.String(length=10), server_default="person", nullable=False),
        sa.Column("in_members_section", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sync", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("member_may_edit", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "applies_to IN ('person', 'company', 'both')", name=op.f("ck_custom_field_applies_to")
        ),
        sa.CheckConstraint(
            "kind IN ('text', 'yes_no', 'whole_number', 'date', 'one_of', 'several_of')",
            name=op.f("ck_custom_field_kind"),
        ),
        sa.CheckConstraint(
            "NOT sync OR in_members_section",
            name=op.f("ck_custom_field_sync_needs_members_section"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_field")),
        sa.UniqueConstraint("key", name=op.f("uq_custom_field_key")),
    )
    op.create_table(
        "group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("type", sa.String(length=10), nullable=True),
        sa.Column(
            "community_type", sa.String(length=255), server_default="Committee", nullable=False
        ),
        sa.Column("selects", sa.String(length=10), server_default="people", nullable=False),
        sa.Column(
            "condition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("sync", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("synced_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "selects IN ('people', 'companies', 'both')", name=op.f("ck_group_selects")
        ),
        sa.CheckConstraint("type IN ('community', 'security')", name=op.f("ck_group_type")),
        sa.CheckConstraint("NOT sync OR type IS NOT NULL", name=op.f("ck_group_sync_needs_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("key", name=op.f("uq_group_key")),
    )
    op.create_table(
        "higher_logic_connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("base_url", sa.String(length=255), nullable=False),
        sa.Column("tenant_code", sa.String(length=100), nullable=False),
        sa.Column("api_key", sa.String(), nullable=False),
        sa.Column("integrate_bio", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "integrate_profile_image", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column(
            "integrate_social_media", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column(
            "member_statuses",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("last_tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_test_ok", sa.Boolean(), nullable=True),
        sa.Column("last_test_message", sa.String(), server_default="", nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_reason", sa.String(), server_default="", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.String(), server_default="", nullable=False),
        sa.Column("pauses", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_higher_logic_connection_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_higher_logic_connection")),
    )
    op.create_table(
        "oauth_client",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("template", sa.String(length=20), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "redirect_uris",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "post_logout_redirect_uris",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("frontchannel_logout_uri", sa.String(length=2000), nullable=True),
        sa.Column("scopes", sa.String(length=255), nullable=False),
        sa.Column("identifier_attribute", sa.String(length=64), nullable=False),
        sa.Column("pkce_required", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "pkce_required OR template = 'higher-logic'", name=op.f("ck_oauth_client_pkce")
        ),
        sa.CheckConstraint(
            "template IN ('higher-logic', 'oidc')", name=op.f("ck_oauth_client_template")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_client")),
        sa.UniqueConstraint("client_id", name=op.f("uq_oauth_client_client_id")),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("alg", sa.String(length=10), nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column(
            "public_jwk", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("is_current", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("is_current", name=op.f("ck_signing_key_current")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
        sa.UniqueConstraint("is_current", name=op.f("uq_signing_key_is_current")),
        sa.UniqueConstraint("kid", name=op.f("uq_signing_key_kid")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("role", sa.String(length=10), server_default="member", nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('member', 'staff', 'owner')", name=op.f("ck_account_role")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["contact.id"], name=op.f("fk_account_person_id_contact")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email_key", name=op.f("uq_account_email_key")),
        sa.UniqueConstraint("person_id", name=op.f("uq_account_person_id")),
    )
    op.create_table(
        "custom_field_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["field_id"],
            ["custom_field.id"],
            name=op.f("fk_custom_field_choice_field_id_custom_field"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_field_choice")),
        sa.UniqueConstraint("field_id", "key", name=op.f("uq_custom_field_choice_field_id_key")),
    )
    op.create_table(
        "ledger",
        sa.Column("contact_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=False),
        sa.Column("last_pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contact.id"],
            name=op.f("fk_ledger_contact_id_contact"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_ledger")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_due",
            ["rank", "next_try_at", "contact_id"],
            unique=False,
            postgresql_where=sa.text("wanted > accepted"),
            sqlite_where=sa.text("wanted > accepted"),
        )

    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=10), server_default="rule", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contact.id"],
            name=op.f("fk_membership_contact_id_contact"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["group.id"],
            name=op.f("fk_membership_group_id_group"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint(
            "group_id",
            "contact_id",
            "origin",
            name=op.f("uq_membership_group_id_contact_id_origin"),
        ),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index("ix_membership_contact_id", ["contact_id", "group_id"], unique=False)

    op.create_table(
        "custom_field_value",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        sa.Column("choice_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("number", sa.Numeric(precision=20, scale=0), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("truth", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["choice_id"],
            ["custom_field_choice.id"],
            name=op.f("fk_custom_field_value_choice_id_custom_field_choice"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contact.id"],
            name=op.f("fk_custom_field_value_contact_id_contact"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["field_id"],
            ["custom_field.id"],
            name=op.f("fk_custom_field_value_field_id_custom_field"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_field_value")),
    )
    with op.batch_alter_table("custom_field_value", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custom_field_value_choice", ["field_id", "choice_id", "contact_id"], unique=False
        )
        batch_op.create_index(
            "ix_custom_field_value_contact", ["contact_id", "field_id"], unique=False
        )

    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_sign_in_session_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_session_token_hash")),
    )
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sign_in_session_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sign_in_session_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "oauth_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("offline", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_oauth_grant_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["oauth_client.id"],
            name=op.f("fk_oauth_grant_client_id_oauth_client"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sign_in_session.id"],
            name=op.f("fk_oauth_grant_session_id_sign_in_session"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_grant")),
    )
    with op.batch_alter_table("oauth_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oauth_grant_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_oauth_grant_client_id"), ["client_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_oauth_grant_session_id"), ["session_id"], unique=False)

    op.create_table(
        "authorization_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("code_challenge", sa.String(length=128), nullable=True),
        sa.Column("nonce", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["oauth_grant.id"],
            name=op.f("fk_authorization_code_grant_id_oauth_grant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_authorization_code_code_hash")),
    )
    with op.batch_alter_table("authorization_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_authorization_code_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_authorization_code_grant_id"), ["grant_id"], unique=False
        )

    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column("access_hash", sa.String(length=64), nullable=False),
        sa.Column("refresh_hash", sa.String(length=64), nullable=True),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["oauth_grant.id"],
            name=op.f("fk_token_grant_id_oauth_grant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("access_hash", name=op.f("uq_token_access_hash")),
        sa.UniqueConstraint("refresh_hash", name=op.f("uq_token_refresh_hash")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_token_access_expires_at"), ["access_expires_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_token_grant_id"), ["grant_id"], unique=False)
    _fix()


# What the database itself refuses, whoever asks (docs/architecture.md, decision 1; the brief):
# a key is fixed for good, and a group's type once its sync was switched on.
FIXED = {
    "contact_key": ("contact", "UPDATE", "NEW.key <> OLD.key", "a contact's key is permanent"),
    "group_key": ('"group"', "UPDATE", "NEW.key <> OLD.key", "a group's key is permanent"),
    "group_type": (
        '"group"',
        "UPDATE",
        "OLD.synced_since IS NOT NULL AND (NEW.type IS NULL OR NEW.type <> OLD.type "
        "OR NEW.synced_since IS NULL)",
        "a group's type is fixed once its sync was on",
    ),
    "group_synced": ('"group"', "DELETE", "OLD.sync", "switch the sync off first"),
}


def _fix() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for name, (table, event, when, text) in FIXED.items():
        text = text.replace("'", "''")
        if postgres:
            op.execute(
                f"CREATE FUNCTION fixed_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; "
                "END $$"
            )
            op.execute(
                f"CREATE TRIGGER fixed_{name} BEFORE {event} ON {table} FOR EACH ROW "
                f"WHEN ({when}) EXECUTE FUNCTION fixed_{name}()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER fixed_{name} BEFORE {event} ON {table} FOR EACH ROW "
                f"WHEN {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"
            )


def downgrade() -> None:
    raise NotImplementedError("the first schema has nothing before it")
