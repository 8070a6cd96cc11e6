CREATE TABLE api_key (
  merchant_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('secret', 'restricted', 'publishable')),
  name        TEXT NOT NULL,
  hint        TEXT NOT NULL,
  hash        BYTES NOT NULL,
  scopes      TEXT NOT NULL,
  loopback    BIGINT NOT NULL CHECK (loopback IN (0, 1)),
  networks    TEXT NOT NULL,
  expires_at  BIGINT,
  revoked_at  BIGINT,
  rolled_to   TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, hash)
);

-- Authentication is the one look-up that does not know its merchant: the hash is all there is. The index cannot be
-- unique, because in a sharded database a unique index has to lead with the merchant. The code refuses a hash that two
-- merchants have.
CREATE INDEX api_key_hash ON api_key (hash);
