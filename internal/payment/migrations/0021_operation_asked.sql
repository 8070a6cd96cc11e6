-- When the provider was last asked what became of a capture, a void or a refund.
ALTER TABLE payment_operation ADD COLUMN asked_at BIGINT;
