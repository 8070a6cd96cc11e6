CREATE TABLE event (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    body        BYTES  NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
-- florin: append-only event

CREATE TABLE webhook_endpoint (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    filters     TEXT   NOT NULL,
    status      TEXT   NOT NULL CHECK (status IN ('enabled', 'disabled', 'deleted')),
    description TEXT   NOT NULL,
    secret      BYTES  NOT NULL,
    metadata    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

-- No foreign key to the endpoint: every event of a merchant would lock its row.
CREATE TABLE webhook_delivery (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
    attempts    BIGINT NOT NULL,
    last_status BIGINT NOT NULL,
    last_error  TEXT   NOT NULL,
    last_at     BIGINT,
    due_at      BIGINT,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE due_at IS NOT NULL;
