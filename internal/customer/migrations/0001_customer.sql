-- A payer. What tells who they are is sealed; the hashes find them by an exact e-mail address or reference. Erasing leaves the id.
CREATE TABLE customer (
    merchant_id    TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    sealed         BYTES,
    email_hash     BYTES,
    reference_hash BYTES,
    default_method TEXT   NOT NULL,
    erased_at      BIGINT,
    created_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK (erased_at IS NULL OR sealed IS NULL AND email_hash IS NULL AND reference_hash IS NULL)
);
CREATE INDEX customer_email ON customer (merchant_id, email_hash, id) WHERE email_hash IS NOT NULL;
CREATE INDEX customer_reference ON customer (merchant_id, reference_hash, id) WHERE reference_hash IS NOT NULL;
