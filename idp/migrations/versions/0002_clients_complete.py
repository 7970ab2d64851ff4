"""Clients with several secrets, keys, consent and permitted groups; codes are part of grants.

A code lives for a minute: those that were under way are not carried over.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('used_assertion',
    sa.Column('jti_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('jti_hash', name=op.f('pk_used_assertion'))
    )
    with op.batch_alter_table('used_assertion', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_used_assertion_expires_at'), ['expires_at'], unique=False)

    op.create_table('logout_notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('client_id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(length=100), nullable=False),
    sa.Column('sid', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_answer', sa.String(length=300), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['oauth_client.id'], name=op.f('fk_logout_notice_client_id_oauth_client'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_logout_notice'))
    )
    with op.batch_alter_table('logout_notice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_logout_notice_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_logout_notice_due_at'), ['due_at'], unique=False)

    op.create_table('oauth_client_group',
    sa.Column('client_id', sa.Integer(), nullable=False),
    sa.Column('group_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['client_id'], ['oauth_client.id'], name=op.f('fk_oauth_client_group_client_id_oauth_client'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['group_id'], ['group.id'], name=op.f('fk_oauth_client_group_group_id_group'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('client_id', 'group_id', name=op.f('pk_oauth_client_group'))
    )
    with op.batch_alter_table('oauth_client_group', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_client_group_group_id'), ['group_id'], unique=False)

    op.create_table('oauth_client_secret',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('client_id', sa.Integer(), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['client_id'], ['oauth_client.id'], name=op.f('fk_oauth_client_secret_client_id_oauth_client'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_oauth_client_secret'))
    )
    with op.batch_alter_table('oauth_client_secret', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_client_secret_client_id'), ['client_id'], unique=False)

    op.create_table('pushed_request',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uri_hash', sa.String(length=64), nullable=False),
    sa.Column('client_id', sa.Integer(), nullable=False),
    sa.Column('parameters', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['client_id'], ['oauth_client.id'], name=op.f('fk_pushed_request_client_id_oauth_client'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pushed_request')),
    sa.UniqueConstraint('uri_hash', name=op.f('uq_pushed_request_uri_hash'))
    )
    with op.batch_alter_table('pushed_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pushed_request_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_pushed_request_expires_at'), ['expires_at'], unique=False)

    op.create_table('oauth_consent',
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('client_id', sa.Integer(), nullable=False),
    sa.Column('scope', sa.String(length=255), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_oauth_consent_account_id_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['client_id'], ['oauth_client.id'], name=op.f('fk_oauth_consent_client_id_oauth_client'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'client_id', name=op.f('pk_oauth_consent'))
    )
    with op.batch_alter_table('oauth_consent', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_consent_client_id'), ['client_id'], unique=False)

    op.execute(
        "INSERT INTO oauth_client_secret (client_id, secret_hash, created_at) "
        "SELECT id, secret_hash, created_at FROM oauth_client"
    )
    op.drop_table('authorization_code')
    with op.batch_alter_table('oauth_client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authentication', sa.String(length=20), server_default='client_secret', nullable=False))
        batch_op.add_column(sa.Column('jwks', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True))
        batch_op.add_column(sa.Column('backchannel_logout_uri', sa.String(length=2000), nullable=True))
        batch_op.add_column(sa.Column('claim_map', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('pushed_required', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('consent_required', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('signing_algorithm', sa.String(length=10), server_default='RS256', nullable=False))
        batch_op.add_column(sa.Column('access_token_format', sa.String(length=10), server_default='opaque', nullable=False))
        batch_op.add_column(sa.Column('restricted', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('version', sa.Integer(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_column("secret_hash")
        batch_op.drop_constraint("template", type_="check")
        batch_op.create_check_constraint(
            "template", "template IN ('higher-logic', 'oidc', 'app', 'machine')"
        )
        batch_op.create_check_constraint(
            "authentication", "authentication IN ('client_secret', 'private_key_jwt', 'none')"
        )
        batch_op.create_check_constraint(
            "signing_algorithm", "signing_algorithm IN ('RS256', 'ES256')"
        )
        batch_op.create_check_constraint(
            "access_token_format", "access_token_format IN ('opaque', 'jwt')"
        )

    with op.batch_alter_table('oauth_grant', schema=None) as batch_op:
        batch_op.add_column(sa.Column('requested_claims', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True))
        batch_op.add_column(sa.Column('code_hash', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('code_expires_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('code_claimed_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('code_challenge', sa.String(length=128), nullable=True))
        batch_op.add_column(sa.Column('redirect_uri', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('nonce', sa.String(), nullable=True))
        batch_op.alter_column('account_id',
               existing_type=sa.INTEGER(),
               nullable=True)
        batch_op.create_unique_constraint(batch_op.f('uq_oauth_grant_code_hash'), ['code_hash'])

    with op.batch_alter_table('signing_key', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_signing_key_is_current'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_signing_key_alg_is_current'), ['alg', 'is_current'])



def downgrade() -> None:
    raise NotImplementedError("a client's second secret and its consents have no place before")
