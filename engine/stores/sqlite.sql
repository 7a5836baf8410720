-- The embedded store. Times are milliseconds since 1970 (UTC).

CREATE TABLE IF NOT EXISTS agents (
  tenant TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  name TEXT NOT NULL,
  skills TEXT NOT NULL,     -- JSON object: skill to proficiency
  languages TEXT NOT NULL,  -- JSON array
  capacity INTEGER NOT NULL,
  presence TEXT NOT NULL,
  load INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, agent_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS conversations (
  tenant TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  channel INTEGER NOT NULL,
  customer_id TEXT NOT NULL,
  state TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  skill TEXT NOT NULL,
  language TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  queued_ms INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (tenant, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS conversations_open ON conversations (tenant, channel, customer_id)
  WHERE state != 'closed';
CREATE INDEX IF NOT EXISTS conversations_waiting ON conversations (tenant, skill, queued_ms, conversation_id)
  WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS conversations_newest ON conversations (tenant, opened_ms DESC, conversation_id DESC);

CREATE TABLE IF NOT EXISTS journal (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  key TEXT,                 -- names a message for ever; NULL for what is no message
  data BLOB NOT NULL        -- the serialised payload of `kind`
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS journal_key ON journal (tenant, key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS journal_conversation ON journal (tenant, conversation_id, sequence);
