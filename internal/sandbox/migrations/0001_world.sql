-- The simulated world: who may call, what was asked, what is still to be said and to happen.
CREATE TABLE account (
  number   INTEGER PRIMARY KEY,
  acquirer TEXT NOT NULL,
  api_key  TEXT NOT NULL,
  secrets  TEXT NOT NULL, -- JSON: signing key, webhook URL and secret; of a simulated acquirer, worth nothing
  UNIQUE (acquirer, api_key)
) STRICT;

CREATE TABLE txn (
  seq       INTEGER PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,
  account   INTEGER NOT NULL,
  reference TEXT NOT NULL, -- the caller's: the key of idempotency
  body      TEXT NOT NULL, -- a Transaction as JSON
  UNIQUE (account, reference)
) STRICT;

CREATE TABLE operation (
  account   INTEGER NOT NULL,
  reference TEXT NOT NULL,
  txn       INTEGER NOT NULL,
  PRIMARY KEY (account, reference)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
  seq      INTEGER PRIMARY KEY,
  txn      INTEGER NOT NULL,
  account  INTEGER NOT NULL,
  event    TEXT NOT NULL,
  type     TEXT NOT NULL,
  body     TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  status   INTEGER NOT NULL, -- of the last answer; 0: none came
  due_at   INTEGER           -- unix microseconds; NULL: delivered, or given up
) STRICT;
CREATE INDEX webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_txn ON webhook (txn);

CREATE TABLE later (
  seq       INTEGER PRIMARY KEY,
  txn       INTEGER NOT NULL,
  event     TEXT NOT NULL,
  operation TEXT NOT NULL,
  due_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX later_due ON later (due_at);
