-- A clearing of what was captured at another amount, which the payment has followed. The sequence is the version of the payment that followed it.
CREATE TABLE payment_clearing (
    merchant_id TEXT   NOT NULL,
    payment_id  TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,
    subject     TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    captured    BIGINT NOT NULL,
    cleared     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, sequence)
);
-- florin: append-only payment_clearing
