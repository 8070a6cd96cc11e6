-- What does not agree, and a person must look at. A break that was closed stays, as a record; source names its cause, which opens one once.
CREATE TABLE recon_break (
    merchant_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    kind             TEXT   NOT NULL CHECK (kind IN ('contradiction', 'clearing', 'unknown_dispute')),
    status           TEXT   NOT NULL CHECK (status IN ('open', 'closed')),
    subject          TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    amount           BIGINT,
    currency         TEXT   NOT NULL,
    detail           TEXT   NOT NULL,
    source           TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    closed_at        BIGINT,
    closed_by        TEXT   NOT NULL,
    note             TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK ((amount IS NULL) = (currency = '')),
    CHECK ((closed_at IS NULL) = (status = 'open'))
);
CREATE UNIQUE INDEX recon_break_source ON recon_break (merchant_id, source);
CREATE INDEX recon_break_status ON recon_break (merchant_id, status, id);
CREATE INDEX recon_break_subject ON recon_break (merchant_id, subject, id);
