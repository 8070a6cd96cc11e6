-- When an attempt or an operation came to the state that it is in.
ALTER TABLE payment_attempt ADD COLUMN moved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_operation ADD COLUMN moved_at BIGINT NOT NULL DEFAULT 0;
