-- Of a payout that has waited for its provider: until when it may.
ALTER TABLE payout ADD COLUMN deadline BIGINT;
