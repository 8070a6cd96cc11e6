-- What a customer left to be charged again: a token of the vault, for as long as it is attached.
CREATE TABLE payment_method (
    merchant_id       TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    customer_id       TEXT   NOT NULL,
    attached          BIGINT NOT NULL CHECK (attached IN (0, 1)),
    token             TEXT,
    fingerprint       TEXT,
    card              TEXT   NOT NULL,
    sealed            BYTES,
    network_reference TEXT   NOT NULL,
    first_payment     TEXT   NOT NULL,
    metadata          TEXT   NOT NULL,
    detached_at       BIGINT,
    created_at        BIGINT NOT NULL,
    version           BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK ((attached = 1) = (token IS NOT NULL) AND (attached = 1) = (detached_at IS NULL))
);
CREATE INDEX payment_method_customer ON payment_method (merchant_id, customer_id, id);
-- A token is kept by one method, and a card by a customer once.
CREATE UNIQUE INDEX payment_method_token ON payment_method (merchant_id, token) WHERE token IS NOT NULL;
CREATE UNIQUE INDEX payment_method_card ON payment_method (merchant_id, customer_id, fingerprint) WHERE fingerprint IS NOT NULL;

-- A token that nobody keeps any more: its card is destroyed in the vault when due.
CREATE TABLE payment_method_discard (
    merchant_id TEXT   NOT NULL,
    token       TEXT   NOT NULL,
    due_at      BIGINT,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, token)
);
CREATE INDEX payment_method_discard_due ON payment_method_discard (due_at) WHERE due_at IS NOT NULL;
