-- What providers told us, as they told it: recorded once, by the provider's own id of the message.
CREATE TABLE webhook_inbound (
    merchant_id      TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    event_id         TEXT   NOT NULL,
    type             TEXT   NOT NULL,
    verdict          TEXT   NOT NULL,
    detail           TEXT   NOT NULL,
    body             BYTES  NOT NULL,
    duplicates       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, provider_account, event_id)
);
