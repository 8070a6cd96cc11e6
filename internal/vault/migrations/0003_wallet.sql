-- What a device wallet gave: a network token, whose one payment is of this amount. A card has none of it.
ALTER TABLE vault_card ADD COLUMN kind TEXT NOT NULL DEFAULT 'card' CHECK (kind IN ('card', 'network_token'));
ALTER TABLE vault_card ADD COLUMN wallet TEXT NOT NULL DEFAULT '';
ALTER TABLE vault_card ADD COLUMN wallet_amount BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vault_card ADD COLUMN wallet_currency TEXT NOT NULL DEFAULT '';
ALTER TABLE vault_card ADD COLUMN eci TEXT NOT NULL DEFAULT '';

-- A wallet's token is opened once. It is remembered until it could not be opened anyhow.
CREATE TABLE vault_wallet_token (
  merchant_id TEXT NOT NULL,
  token_hash  BYTES NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, token_hash)
);

CREATE INDEX vault_wallet_token_age ON vault_wallet_token (expires_at);
