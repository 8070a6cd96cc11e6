-- What merchants have been told of their providers: one row for each operation of an account that ever failed. The process that opened it keeps
-- it open, and moves until forward, while its breaker is open.
CREATE TABLE provider_health (
    merchant_id      TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    operation        TEXT   NOT NULL,
    state            TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
    process          TEXT   NOT NULL,
    since            BIGINT NOT NULL,
    until            BIGINT NOT NULL,
    changed_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, provider_account, operation)
);
CREATE INDEX provider_health_open ON provider_health (until) WHERE state = 'open';

-- Maintenance windows. One that was lifted stays, as a record.
CREATE TABLE provider_maintenance (
    merchant_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    operations       TEXT   NOT NULL,
    reason           TEXT   NOT NULL,
    starts_at        BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL CHECK (ends_at > starts_at),
    lifted_at        BIGINT,
    created_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX provider_maintenance_open ON provider_maintenance (ends_at) WHERE lifted_at IS NULL;
CREATE INDEX provider_maintenance_account ON provider_maintenance (merchant_id, provider_account, ends_at);
