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

CREATE TABLE IF NOT EXISTS receipts (
  tenant TEXT NOT NULL,
  request TEXT NOT NULL,    -- what was done, and the client's id of it
  receipt BLOB NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, request)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS receipts_by_time ON receipts (tenant, time_ms);
