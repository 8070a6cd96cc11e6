-- The vault has a database of its own: nothing here is ever joined with the books.
CREATE TABLE vault_card (
  merchant_id  TEXT NOT NULL,
  id           TEXT NOT NULL,
  sealed       BYTES,
  brand        TEXT NOT NULL,
  last4        TEXT NOT NULL,
  bin          TEXT NOT NULL,
  exp_month    BIGINT NOT NULL,
  exp_year     BIGINT NOT NULL,
  country      TEXT NOT NULL,
  funding      TEXT NOT NULL,
  fingerprint  TEXT NOT NULL,
  forgotten_at BIGINT,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id),
  CHECK ((sealed IS NULL) = (forgotten_at IS NOT NULL))
);

CREATE TABLE vault_origin (
  merchant_id TEXT NOT NULL,
  account     TEXT NOT NULL,
  origin      TEXT NOT NULL,
  allowed     BIGINT NOT NULL CHECK (allowed IN (0, 1)),
  changed_at  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, account, origin)
);

-- Both hashes are keyed: without the vault's keys nobody can try card numbers against them.
CREATE TABLE vault_once (
  merchant_id TEXT NOT NULL,
  key_hash    BYTES NOT NULL,
  card_hash   BYTES NOT NULL,
  token       TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, key_hash)
);

CREATE INDEX vault_once_age ON vault_once (created_at);
