-- When an open outcome was last asked about, and since when and why it is a person's business.
ALTER TABLE payment_attempt ADD COLUMN asked_at BIGINT;
ALTER TABLE payment_attempt ADD COLUMN manual_at BIGINT;
ALTER TABLE payment_attempt ADD COLUMN manual_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_operation ADD COLUMN manual_at BIGINT;
ALTER TABLE payment_operation ADD COLUMN manual_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX payment_attempt_manual ON payment_attempt (merchant_id, manual_at) WHERE manual_at IS NOT NULL;
CREATE INDEX payment_operation_manual ON payment_operation (merchant_id, manual_at) WHERE manual_at IS NOT NULL;
-- What is open and has lost its schedule. There should be none, so the index is empty.
CREATE INDEX payment_attempt_lost ON payment_attempt (merchant_id, payment_id, number)
    WHERE due_at IS NULL AND state IN ('sending', 'unknown', 'pending', 'requires_action');
CREATE INDEX payment_operation_lost ON payment_operation (merchant_id, id)
    WHERE due_at IS NULL AND state IN ('sending', 'pending', 'unknown');
