// node-oidc-provider's storage on Postgres: a pool, statements prepared once on each connection,
// synchronous_commit as Postgres has it by default (on).

import pg from 'pg';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS oidc (
    model text NOT NULL, id text NOT NULL, payload text NOT NULL,
    grant_id text, uid text, user_code text, expires_at timestamptz, consumed_at bigint,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX IF NOT EXISTS oidc_grant ON oidc (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_uid ON oidc (uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_user_code ON oidc (user_code) WHERE user_code IS NOT NULL;
  CREATE TABLE IF NOT EXISTS member (
    id text PRIMARY KEY, email text NOT NULL, given_name text NOT NULL, family_name text NOT NULL
  );
`;

const COLUMNS = 'SELECT payload, consumed_at FROM oidc WHERE';
const STATEMENTS = {
  upsert: `
    INSERT INTO oidc (model, id, payload, grant_id, uid, user_code, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`,
  find: `${COLUMNS} model = $1 AND id = $2`,
  findByUid: `${COLUMNS} uid = $1 AND model = $2`,
  findByUserCode: `${COLUMNS} user_code = $1 AND model = $2`,
  consume: 'UPDATE oidc SET consumed_at = $1 WHERE model = $2 AND id = $3',
  destroy: 'DELETE FROM oidc WHERE model = $1 AND id = $2',
  revoke: 'DELETE FROM oidc WHERE grant_id = $1',
  member: 'SELECT * FROM member WHERE id = $1',
};

// Opens the store: an adapter class for the provider, and the members it signs in.
export default async function open(address, members) {
  // One connection for each request at once, as long as there are no more than that.
  const pool = new pg.Pool({ connectionString: address, max: 10, idleTimeoutMillis: 0 });
  await pool.query(SCHEMA);
  await pool.query(
    `INSERT INTO member SELECT * FROM json_populate_recordset(NULL::member, $1)
     ON CONFLICT (id) DO NOTHING`,
    [JSON.stringify(members.map(({ key, ...rest }) => ({ id: key, ...rest })))],
  );
  const run = (name, ...values) => pool.query({ name, text: STATEMENTS[name], values });

  const load = ({ rows: [row] }) => {
    if (row === undefined) return undefined;
    const payload = JSON.parse(row.payload);
    if (row.consumed_at !== null) payload.consumed = Number(row.consumed_at);
    return payload;
  };

  class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      await run(
        'upsert',
        this.model,
        id,
        JSON.stringify(payload),
        payload.grantId ?? null,
        payload.uid ?? null,
        payload.userCode ?? null,
        expiresIn ? new Date(Date.now() + expiresIn * 1000) : null,
      );
    }

    async find(id) {
      return load(await run('find', this.model, id));
    }

    async findByUid(uid) {
      return load(await run('findByUid', uid, this.model));
    }

    async findByUserCode(userCode) {
      return load(await run('findByUserCode', userCode, this.model));
    }

    async consume(id) {
      await run('consume', Math.floor(Date.now() / 1000), this.model, id);
    }

    async destroy(id) {
      await run('destroy', this.model, id);
    }

    async revokeByGrantId(grantId) {
      await run('revoke', grantId);
    }
  }

  return { Adapter, member: async (id) => (await run('member', id)).rows[0] };
}
