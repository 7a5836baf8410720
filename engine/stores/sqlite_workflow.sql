-- What rules, tickets and the outbox keep in the embedded store.

CREATE TABLE IF NOT EXISTS firings (  -- when a rule fired last in a conversation
  tenant TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  rule_id TEXT NOT NULL,
  fired_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, conversation_id, rule_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS tickets (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  state TEXT NOT NULL,
  assignee_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  version INTEGER NOT NULL,
  detail TEXT NOT NULL,     -- JSON object: the ticket
  PRIMARY KEY (tenant, ticket_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS tickets_newest ON tickets (tenant, opened_ms DESC, ticket_id DESC);
CREATE INDEX IF NOT EXISTS tickets_state ON tickets (tenant, state, opened_ms DESC, ticket_id DESC);
CREATE INDEX IF NOT EXISTS tickets_conversation ON tickets (tenant, conversation_id) WHERE conversation_id != '';

CREATE TABLE IF NOT EXISTS comments (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  detail TEXT NOT NULL,     -- JSON object: the comment
  PRIMARY KEY (tenant, ticket_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outbox (
  tenant TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  webhook TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  error TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (tenant, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_ms) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS outbox_oldest ON outbox (tenant, created_ms, delivery_id);

CREATE TABLE IF NOT EXISTS answered (  -- what calls were answered, by their ids
  tenant TEXT NOT NULL,
  request_id TEXT NOT NULL,
  receipt BLOB NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS answered_oldest ON answered (tenant, time_ms);
