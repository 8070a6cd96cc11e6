-- What providers told us, as they told it, but for card numbers: recorded once, by the provider's own id of the message, and
-- applied at once or when due.
DROP TABLE IF EXISTS webhook_inbound; -- of an earlier draft

CREATE TABLE inbound_webhook (
    merchant_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    event_id         TEXT   NOT NULL,
    type             TEXT   NOT NULL,
    verdict          TEXT   NOT NULL CHECK (verdict IN ('waiting', 'applied', 'known', 'unmatched', 'unsupported', 'contradicted', 'unreadable')),
    detail           TEXT   NOT NULL,
    subject          TEXT   NOT NULL,
    body             BYTES  NOT NULL,
    duplicates       BIGINT NOT NULL,
    tries            BIGINT NOT NULL,
    applied_at       BIGINT,
    due_at           BIGINT,
    created_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX inbound_webhook_event ON inbound_webhook (merchant_id, provider_account, event_id);
CREATE INDEX inbound_webhook_account ON inbound_webhook (merchant_id, provider_account, id);
CREATE INDEX inbound_webhook_verdict ON inbound_webhook (merchant_id, verdict, id);
CREATE INDEX inbound_webhook_due ON inbound_webhook (due_at) WHERE due_at IS NOT NULL;
