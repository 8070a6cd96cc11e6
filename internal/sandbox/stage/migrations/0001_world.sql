-- A simulated world: who may call, what was asked, what is still to be said and to happen.
CREATE TABLE account (
  number  INTEGER PRIMARY KEY,
  api_key TEXT NOT NULL UNIQUE,
  secrets TEXT NOT NULL -- JSON: signing key, webhook URL and secret; of a simulated world, worth nothing
) STRICT;

CREATE TABLE piece (
  seq       INTEGER PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,
  account   INTEGER NOT NULL,
  reference TEXT NOT NULL, -- the caller's: the key of idempotency
  body      TEXT NOT NULL, -- JSON, of which the world knows what it is
  UNIQUE (account, reference)
) STRICT;

-- Other names of a piece: of its page, of its code, of the operations on it.
CREATE TABLE alias (
  name  TEXT PRIMARY KEY,
  piece INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
  seq      INTEGER PRIMARY KEY,
  piece    INTEGER NOT NULL,
  account  INTEGER NOT NULL,
  event    TEXT NOT NULL,
  type     TEXT NOT NULL,
  body     TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  status   INTEGER NOT NULL, -- of the last answer; 0: none came
  due_at   INTEGER           -- unix microseconds; NULL: delivered, or given up
) STRICT;
CREATE INDEX webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_piece ON webhook (piece);

CREATE TABLE later (
  seq      INTEGER PRIMARY KEY,
  piece    INTEGER NOT NULL,
  event    TEXT NOT NULL,
  argument TEXT NOT NULL,
  due_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX later_due ON later (due_at);
