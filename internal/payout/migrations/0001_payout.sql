-- What a merchant can spend of a currency. Whoever spends raises the version, so that two cannot spend the same money. What is there stands in
-- the ledger; here stands what is held back of it, and how far captured money was made available.
CREATE TABLE payout_balance (
    merchant_id TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    reserved    BIGINT NOT NULL CHECK (reserved >= 0),
    folded_to   TEXT   NOT NULL,
    folded      BIGINT NOT NULL CHECK (folded >= 0),
    moved       BIGINT NOT NULL CHECK (moved >= 0),
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, currency)
);

-- Where money can go. The number and the holder's name are sealed; the fingerprint tells the same account again, by a key.
CREATE TABLE payout_destination (
    merchant_id    TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    type           TEXT   NOT NULL,
    country        TEXT   NOT NULL,
    bank_code      TEXT   NOT NULL,
    branch_code    TEXT   NOT NULL,
    alias          TEXT   NOT NULL,
    last4          TEXT   NOT NULL,
    brand          TEXT   NOT NULL,
    funding        TEXT   NOT NULL,
    sealed         BYTES  NOT NULL,
    fingerprint    TEXT   NOT NULL,
    blocked        BIGINT NOT NULL,
    blocked_reason TEXT   NOT NULL,
    metadata       TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX payout_destination_same ON payout_destination (merchant_id, fingerprint);

CREATE TABLE payout (
    merchant_id        TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    status             TEXT   NOT NULL,
    call               TEXT   NOT NULL,
    amount             BIGINT NOT NULL CHECK (amount > 0),
    currency           TEXT   NOT NULL,
    destination        TEXT   NOT NULL,
    rail               TEXT   NOT NULL,
    provider_account   TEXT   NOT NULL,
    provider_reference TEXT   NOT NULL,
    failure            TEXT   NOT NULL,
    descriptor         TEXT   NOT NULL,
    description        TEXT   NOT NULL,
    batch              TEXT   NOT NULL,
    created_by         TEXT   NOT NULL,
    approved_by        TEXT   NOT NULL,
    earliest           BIGINT,
    latest             BIGINT,
    timeline           TEXT   NOT NULL,
    metadata           TEXT   NOT NULL,
    tries              BIGINT NOT NULL,
    inquiries          BIGINT NOT NULL,
    not_found          BIGINT NOT NULL,
    sent_at            BIGINT,
    due_at             BIGINT,
    created_at         BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX payout_due ON payout (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payout_status ON payout (merchant_id, status, id);
CREATE INDEX payout_to ON payout (merchant_id, destination, id);
CREATE INDEX payout_batch ON payout (merchant_id, batch, id) WHERE batch <> '';
