-- How far each bot has read the journal.

CREATE TABLE IF NOT EXISTS bots (
  tenant TEXT NOT NULL,
  bot_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (tenant, bot_id)
) STRICT, WITHOUT ROWID;
