-- Events of one thread, such as a payment and its refunds, have an order: their sequence.
ALTER TABLE event ADD COLUMN thread TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
CREATE INDEX event_subject ON event (merchant_id, subject, id);
CREATE INDEX event_type ON event (merchant_id, type, id);
-- florin: append-only event for 30 days

-- Nothing is released yet, so the tables of 0001 give way to new ones.
DROP TABLE webhook_delivery;
DROP TABLE webhook_endpoint;

CREATE TABLE webhook_endpoint (
    merchant_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    url             TEXT   NOT NULL,
    filters         TEXT   NOT NULL,
    status          TEXT   NOT NULL CHECK (status IN ('enabled', 'disabled', 'deleted')),
    disabled_reason TEXT   NOT NULL CHECK (disabled_reason IN ('', 'merchant', 'gone', 'failing')),
    disabled_at     BIGINT,
    description     TEXT   NOT NULL,
    ordering        TEXT   NOT NULL CHECK (ordering IN ('none', 'object')),
    concurrency     BIGINT NOT NULL CHECK (concurrency BETWEEN 1 AND 64),
    rate_limit      BIGINT NOT NULL CHECK (rate_limit >= 0),
    sealed          BYTES  NOT NULL, -- signing secrets, static headers, client certificate
    metadata        TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

-- No foreign key to the endpoint: every event of a merchant would lock its row. due_at says that it is pending.
CREATE TABLE webhook_delivery (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    thread      TEXT   NOT NULL, -- only where the endpoint wants its events in order
    sequence    BIGINT NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
    attempts    BIGINT NOT NULL,
    last_status BIGINT NOT NULL,
    last_error  TEXT   NOT NULL,
    last_at     BIGINT,
    due_at      BIGINT CHECK ((due_at IS NOT NULL) = (state = 'pending')),
    retried     BIGINT NOT NULL, -- tries of the schedule that runs
    since       BIGINT NOT NULL, -- when that schedule began
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
-- florin: queue webhook_delivery
CREATE INDEX webhook_delivery_due ON webhook_delivery (merchant_id, endpoint_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_thread ON webhook_delivery (merchant_id, endpoint_id, thread, sequence) WHERE due_at IS NOT NULL AND thread <> '';
CREATE INDEX webhook_delivery_state ON webhook_delivery (merchant_id, endpoint_id, state, id);
CREATE INDEX webhook_delivery_failed ON webhook_delivery (merchant_id, id) WHERE state = 'failed';
CREATE INDEX webhook_delivery_event ON webhook_delivery (merchant_id, event_id);

CREATE TABLE webhook_attempt (
    merchant_id     TEXT   NOT NULL,
    delivery_id     TEXT   NOT NULL,
    number          BIGINT NOT NULL,
    url             TEXT   NOT NULL,
    request_header  TEXT   NOT NULL,
    status          BIGINT NOT NULL, -- 0: no answer
    error           TEXT   NOT NULL,
    response_header TEXT   NOT NULL,
    response_body   BYTES  NOT NULL,
    truncated       BIGINT NOT NULL,
    first_byte      BIGINT NOT NULL, -- microseconds; 0: no answer
    duration        BIGINT NOT NULL, -- microseconds
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, delivery_id, number)
);

-- How sending to an endpoint goes. It is no part of the endpoint's row, which people change.
CREATE TABLE webhook_lane (
    merchant_id   TEXT   NOT NULL,
    endpoint_id   TEXT   NOT NULL,
    paused        BIGINT NOT NULL CHECK (paused IN (0, 1)),
    failures      BIGINT NOT NULL, -- in a row
    failing_since BIGINT,
    pauses        BIGINT NOT NULL, -- of the breaker, in a row
    open_until    BIGINT,          -- the breaker's
    owner         TEXT   NOT NULL, -- the process that sends
    leased_until  BIGINT,
    version       BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, endpoint_id)
);

-- Sending again what was not delivered since a time, step by step.
CREATE TABLE webhook_recovery (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    endpoint_id TEXT   NOT NULL,
    kind        TEXT   NOT NULL CHECK (kind IN ('resend', 'give_up')),
    filters     TEXT   NOT NULL,
    states      TEXT   NOT NULL,
    since       BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    cursor      TEXT   NOT NULL, -- the last event that was looked at
    queued      BIGINT NOT NULL, -- deliveries so far
    done_at     BIGINT,
    due_at      BIGINT,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX webhook_recovery_due ON webhook_recovery (due_at) WHERE due_at IS NOT NULL;
