-- What the assist keeps in the embedded store.

CREATE TABLE IF NOT EXISTS replies (
  tenant TEXT NOT NULL,
  reply_id TEXT NOT NULL,
  data TEXT NOT NULL,       -- JSON object: the reply
  PRIMARY KEY (tenant, reply_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS seeds (
  tenant TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS documents (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (tenant, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS feedback (
  tenant TEXT NOT NULL,
  request_id TEXT NOT NULL,
  receipt BLOB NOT NULL,
  PRIMARY KEY (tenant, request_id)
) STRICT, WITHOUT ROWID;
