-- What a provider said that cannot be true together with what is known. A late approval is reversed when due.
CREATE TABLE payment_contradiction (
    merchant_id        TEXT   NOT NULL,
    payment_id         TEXT   NOT NULL,
    subject            TEXT   NOT NULL,
    claim              TEXT   NOT NULL,
    attempt            BIGINT NOT NULL,
    provider_reference TEXT   NOT NULL,
    remedy             TEXT   NOT NULL,
    heard              BIGINT NOT NULL,
    tries              BIGINT NOT NULL,
    first_at           BIGINT NOT NULL,
    last_at            BIGINT NOT NULL,
    due_at             BIGINT,
    version            BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, subject, claim)
);
CREATE INDEX payment_contradiction_due ON payment_contradiction (due_at) WHERE due_at IS NOT NULL;
