-- What providers say of payers who deny a payment, and how it went. A dispute of a payment that nobody knows has no payment_id.
CREATE TABLE dispute (
    merchant_id        TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    payment_id         TEXT   NOT NULL,
    provider_account   TEXT   NOT NULL,
    provider_reference TEXT   NOT NULL,
    transaction_ref    TEXT   NOT NULL,
    stage              TEXT   NOT NULL CHECK (stage IN ('inquiry', 'chargeback', 'pre_arbitration', 'arbitration')),
    status             TEXT   NOT NULL CHECK (status IN ('needs_response', 'under_review', 'won', 'lost', 'accepted', 'expired')),
    money              TEXT   NOT NULL CHECK (money IN ('none', 'held', 'returned', 'gone')),
    amount             BIGINT NOT NULL CHECK (amount > 0),
    fee                BIGINT NOT NULL CHECK (fee >= 0),
    currency           TEXT   NOT NULL,
    reason_code        TEXT   NOT NULL,
    reason             TEXT   NOT NULL,
    evidence           TEXT   NOT NULL,
    answer             TEXT   NOT NULL,
    reminded           BIGINT NOT NULL,
    evidence_due_at    BIGINT,
    ended_at           BIGINT,
    due_at             BIGINT,
    created_at         BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX dispute_reference ON dispute (merchant_id, provider_account, provider_reference);
CREATE INDEX dispute_payment ON dispute (merchant_id, payment_id, id);
CREATE INDEX dispute_status ON dispute (merchant_id, status, id);
CREATE INDEX dispute_due ON dispute (due_at) WHERE due_at IS NOT NULL;

-- The contents of evidence, sealed: files by name, and the texts together under the empty name. What was taken back is empty.
CREATE TABLE dispute_evidence (
    merchant_id TEXT   NOT NULL,
    dispute_id  TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    sealed      BYTES  NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, dispute_id, name)
);
