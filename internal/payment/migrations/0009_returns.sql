-- Until when a captured payment may be refunded, by the merchant's policy at that time; and whose refund it is.
ALTER TABLE payment ADD COLUMN refundable_until BIGINT;
ALTER TABLE payment_operation ADD COLUMN requested_by TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_operation ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
