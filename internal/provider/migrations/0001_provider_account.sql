CREATE TABLE provider_account (
  merchant_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  provider    TEXT NOT NULL,
  settings    TEXT NOT NULL,
  credentials BYTES NOT NULL,
  priority    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id)
);

-- A provider's webhooks come to /in/{merchant}/{provider account}, without a mode: a name belongs to one mode. Here
-- merchant_id is the account without its mode, and tenant the mode that took the name.
CREATE TABLE provider_account_name (
  merchant_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  tenant      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id)
);
