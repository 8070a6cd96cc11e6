-- Operations that wait until their provider is back: until when they may.
ALTER TABLE payment_operation ADD COLUMN deadline BIGINT;
CREATE INDEX payment_operation_queued ON payment_operation (merchant_id, provider_account, kind, deadline, id)
    WHERE state = 'queued' AND deadline IS NOT NULL;
-- A capture or a void that waits keeps others away, as one that is under way does; and none that waits may lose its schedule.
DROP INDEX payment_operation_open;
CREATE UNIQUE INDEX payment_operation_open ON payment_operation (merchant_id, payment_id)
    WHERE kind IN ('capture', 'void') AND state IN ('queued', 'sending', 'pending', 'unknown');
DROP INDEX payment_operation_lost;
CREATE INDEX payment_operation_lost ON payment_operation (merchant_id, id)
    WHERE due_at IS NULL AND state IN ('queued', 'sending', 'pending', 'unknown');
