-- What a payment's customer has withdrawn of it to somewhere else, and the payout that a refund or a void is a part of. While a void waits to be
-- sent, nothing else may take what it releases.
ALTER TABLE payment ADD COLUMN amount_withdrawn BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_operation ADD COLUMN payout_id TEXT NOT NULL DEFAULT '';
DROP INDEX payment_operation_open;
CREATE UNIQUE INDEX payment_operation_open ON payment_operation (merchant_id, payment_id)
    WHERE kind IN ('capture', 'void') AND state IN ('queued', 'sending', 'pending', 'unknown');
