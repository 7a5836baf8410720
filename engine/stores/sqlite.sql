-- The embedded store. Times are milliseconds since 1970 (UTC).

CREATE TABLE IF NOT EXISTS agents (
  tenant TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  profile TEXT NOT NULL,    -- JSON: name, skills, languages, teams, shifts, time zone
  capacity INTEGER NOT NULL,
  presence TEXT NOT NULL,
  lease_ms INTEGER NOT NULL,
  load INTEGER NOT NULL DEFAULT 0,
  streak INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, agent_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS agents_lease ON agents (lease_ms) WHERE lease_ms > 0 AND presence != 'offline';

CREATE TABLE IF NOT EXISTS conversations (
  tenant TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  channel INTEGER NOT NULL,
  customer_id TEXT NOT NULL,
  state TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  version INTEGER NOT NULL,
  detail TEXT NOT NULL,     -- JSON: everything else; never asked for by a condition
  PRIMARY KEY (tenant, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS conversations_open ON conversations (tenant, channel, customer_id)
  WHERE state != 'closed';
CREATE INDEX IF NOT EXISTS conversations_customer
  ON conversations (tenant, channel, customer_id, opened_ms, conversation_id);
CREATE INDEX IF NOT EXISTS conversations_held ON conversations (tenant, agent_id, conversation_id)
  WHERE agent_id != '';
CREATE INDEX IF NOT EXISTS conversations_due ON conversations (due_ms) WHERE due_ms > 0;
CREATE INDEX IF NOT EXISTS conversations_newest ON conversations (tenant, opened_ms DESC, conversation_id DESC);

CREATE TABLE IF NOT EXISTS queues (  -- a waiting conversation stands in several
  tenant TEXT NOT NULL,
  queue TEXT NOT NULL,
  rank_ms INTEGER NOT NULL,
  conversation_id TEXT NOT NULL,
  PRIMARY KEY (tenant, queue, rank_ms, conversation_id)
) STRICT, WITHOUT ROWID;

DROP INDEX IF EXISTS queues_conversation;  -- files of before have it; each place is known when it is taken out

-- A frame holds the entries that one commit wrote for a tenant: see sqlite_journal.py.
CREATE TABLE IF NOT EXISTS journal (
  sequence INTEGER PRIMARY KEY,  -- of its first entry; the others follow by one
  tenant TEXT NOT NULL,
  time_ms INTEGER NOT NULL,      -- when its newest entry was written
  places BLOB NOT NULL,          -- int64 columns: entry before of the same conversation, time, end in `data`
  names TEXT NOT NULL,           -- JSON columns: kinds, conversation ids, keys, causes if any
  pulses BLOB NOT NULL,          -- what the rows of conversations may lack; of no use once `marks` has passed
  data BLOB NOT NULL             -- the serialised payloads, joined
) STRICT;

CREATE INDEX IF NOT EXISTS journal_tenant ON journal (tenant, sequence);

CREATE TABLE IF NOT EXISTS messages (  -- names each message as long as its frame is kept
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS heads (  -- each conversation's newest entry, but for what `marks` says is behind
  tenant TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (tenant, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS marks (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
