CREATE TABLE idempotency (
  merchant_id  TEXT NOT NULL,
  key_hash     BYTES NOT NULL,
  request_hash BYTES NOT NULL,
  subject      TEXT NOT NULL,
  status       BIGINT NOT NULL,
  content_type TEXT NOT NULL,
  answer       BYTES,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, key_hash),
  CHECK ((status = 0) = (answer IS NULL))
);

-- Pruning goes by time over all merchants. New rows land at the right end of this index: it costs an insert little.
CREATE INDEX idempotency_created_at ON idempotency (created_at);
