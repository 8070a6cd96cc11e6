-- What people have switched off, or put under somebody's eyes. A switch that was lifted stays, as a record. Those of the whole
-- installation are the tenant's whose name is a star.
CREATE TABLE kill_switch (
    merchant_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    mode             TEXT   NOT NULL CHECK (mode IN ('block', 'approve')),
    operation        TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    method           TEXT   NOT NULL,
    country          TEXT   NOT NULL,
    two_above        TEXT   NOT NULL,
    reason           TEXT   NOT NULL,
    actor            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT,
    lifted_at        BIGINT,
    lifted_by        TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX kill_switch_on ON kill_switch (merchant_id) WHERE lifted_at IS NULL;
