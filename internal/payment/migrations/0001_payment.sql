CREATE TABLE payment (
    merchant_id          TEXT   NOT NULL,
    id                   TEXT   NOT NULL,
    status               TEXT   NOT NULL,
    amount               BIGINT NOT NULL CHECK (amount > 0),
    currency             TEXT   NOT NULL,
    amount_authorized    BIGINT NOT NULL,
    amount_captured      BIGINT NOT NULL,
    amount_refunded      BIGINT NOT NULL,
    amount_refunding     BIGINT NOT NULL,
    amount_disputed      BIGINT NOT NULL,
    capture              BIGINT NOT NULL,
    awaits_payer         BIGINT NOT NULL,
    method               TEXT   NOT NULL,
    attempts             BIGINT NOT NULL,
    provider_account     TEXT   NOT NULL,
    provider_reference   TEXT   NOT NULL,
    network_reference    TEXT   NOT NULL,
    failure              TEXT   NOT NULL,
    plan                 TEXT   NOT NULL,
    statement_descriptor TEXT   NOT NULL,
    description          TEXT   NOT NULL,
    cancellation_reason  TEXT   NOT NULL,
    metadata             TEXT   NOT NULL,
    capture_before       BIGINT,
    expires_at           BIGINT,
    due_at               BIGINT,
    created_at           BIGINT NOT NULL,
    version              BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK (amount_captured <= amount_authorized),
    CHECK (amount_refunded + amount_refunding <= amount_captured),
    CHECK (amount_refunded >= 0 AND amount_refunding >= 0 AND amount_captured >= 0)
);
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE payment_attempt (
    merchant_id        TEXT   NOT NULL,
    payment_id         TEXT   NOT NULL,
    number             BIGINT NOT NULL,
    id                 TEXT   NOT NULL,
    state              TEXT   NOT NULL,
    provider_account   TEXT   NOT NULL,
    amount             BIGINT NOT NULL CHECK (amount > 0),
    currency           TEXT   NOT NULL,
    capture            BIGINT NOT NULL,
    method             TEXT   NOT NULL,
    provider_reference TEXT   NOT NULL,
    network_reference  TEXT   NOT NULL,
    failure            TEXT   NOT NULL,
    detail             TEXT   NOT NULL,
    inquiries          BIGINT NOT NULL,
    not_found          BIGINT NOT NULL,
    sent_at            BIGINT NOT NULL,
    due_at             BIGINT,
    created_at         BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, number)
);
CREATE INDEX payment_attempt_due ON payment_attempt (due_at) WHERE due_at IS NOT NULL;
-- One try at a time may hold the payer's money. This is what makes a double charge a constraint violation.
CREATE UNIQUE INDEX payment_attempt_active ON payment_attempt (merchant_id, payment_id)
    WHERE state IN ('sending', 'unknown', 'pending', 'requires_action', 'authorized', 'captured');

-- A capture, a void or a refund: a call to a provider about an attempt. Its row is there before the call.
CREATE TABLE payment_operation (
    merchant_id        TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    payment_id         TEXT   NOT NULL,
    attempt            BIGINT NOT NULL,
    kind               TEXT   NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    state              TEXT   NOT NULL,
    amount             BIGINT NOT NULL CHECK (amount > 0),
    currency           TEXT   NOT NULL,
    final              BIGINT NOT NULL,
    purpose            TEXT   NOT NULL,
    reason             TEXT   NOT NULL,
    provider_reference TEXT   NOT NULL,
    failure            TEXT   NOT NULL,
    detail             TEXT   NOT NULL,
    inquiries          BIGINT NOT NULL,
    not_found          BIGINT NOT NULL,
    metadata           TEXT   NOT NULL,
    sent_at            BIGINT NOT NULL,
    due_at             BIGINT,
    created_at         BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX payment_operation_due ON payment_operation (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_operation_payment ON payment_operation (merchant_id, payment_id);
-- Captures and voids of one payment exclude each other while their outcome is open.
CREATE UNIQUE INDEX payment_operation_open ON payment_operation (merchant_id, payment_id)
    WHERE kind IN ('capture', 'void') AND state IN ('sending', 'pending', 'unknown');
