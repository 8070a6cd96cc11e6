-- 3-D Secure authentications.
CREATE TABLE authentication (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  account      INTEGER NOT NULL,
  reference    TEXT NOT NULL,        -- the caller's: the key of idempotency
  acs_trans_id TEXT NOT NULL UNIQUE, -- what the payer's browser comes with
  ds_trans_id  TEXT NOT NULL UNIQUE, -- what the authorization comes with
  body         TEXT NOT NULL,        -- an Authentication as JSON
  due_at       INTEGER,              -- unix microseconds: the end of an open challenge; NULL: none is open
  UNIQUE (account, reference)
) STRICT;
CREATE INDEX authentication_due ON authentication (due_at) WHERE due_at IS NOT NULL;
