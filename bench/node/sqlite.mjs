// node-oidc-provider's storage on SQLite: WAL, every commit on disk before it is answered,
// statements prepared once.

import Database from 'better-sqlite3';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS oidc (
    model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL,
    grant_id TEXT, uid TEXT, user_code TEXT, expires_at INTEGER, consumed_at INTEGER,
    PRIMARY KEY (model, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS oidc_grant ON oidc (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_uid ON oidc (uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_user_code ON oidc (user_code) WHERE user_code IS NOT NULL;
  CREATE TABLE IF NOT EXISTS member (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, given_name TEXT NOT NULL, family_name TEXT NOT NULL
  );
`;

const UPSERT = `
  INSERT INTO oidc (model, id, payload, grant_id, uid, user_code, expires_at)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
    uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at
`;

const now = () => Math.floor(Date.now() / 1000);

// Opens the store: an adapter class for the provider, and the members it signs in.
export default async function open(path, members) {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('cache_size = -65536');
  db.pragma('temp_store = MEMORY');
  db.exec(SCHEMA);
  const add = db.prepare('INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?)');
  db.transaction(() => {
    for (const one of members) add.run(one.key, one.email, one.given_name, one.family_name);
  })();

  const COLUMNS = 'SELECT payload, consumed_at FROM oidc WHERE';
  const upsert = db.prepare(UPSERT);
  const find = db.prepare(`${COLUMNS} model = ? AND id = ?`);
  const findByUid = db.prepare(`${COLUMNS} uid = ? AND model = ?`);
  const findByUserCode = db.prepare(`${COLUMNS} user_code = ? AND model = ?`);
  const consume = db.prepare('UPDATE oidc SET consumed_at = ? WHERE model = ? AND id = ?');
  const destroy = db.prepare('DELETE FROM oidc WHERE model = ? AND id = ?');
  const revoke = db.prepare('DELETE FROM oidc WHERE grant_id = ?');
  const member = db.prepare('SELECT * FROM member WHERE id = ?');

  const load = (row) => {
    if (row === undefined) return undefined;
    const payload = JSON.parse(row.payload);
    if (row.consumed_at !== null) payload.consumed = row.consumed_at;
    return payload;
  };

  class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      upsert.run(
        this.model,
        id,
        JSON.stringify(payload),
        payload.grantId ?? null,
        payload.uid ?? null,
        payload.userCode ?? null,
        expiresIn ? now() + expiresIn : null,
      );
    }

    async find(id) {
      return load(find.get(this.model, id));
    }

    async findByUid(uid) {
      return load(findByUid.get(uid, this.model));
    }

    async findByUserCode(userCode) {
      return load(findByUserCode.get(userCode, this.model));
    }

    async consume(id) {
      consume.run(now(), this.model, id);
    }

    async destroy(id) {
      destroy.run(this.model, id);
    }

    async revokeByGrantId(grantId) {
      revoke.run(grantId);
    }
  }

  return { Adapter, member: async (id) => member.get(id) };
}
