-- The tries of one card at one amount since the first that was declined: what card networks bound. The card is the fingerprint of its number. JSON.
CREATE TABLE card_retry (
    merchant_id TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount > 0),
    tries       TEXT   NOT NULL,
    kept_until  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, fingerprint, currency, amount)
);
CREATE INDEX card_retry_kept ON card_retry (kept_until);
