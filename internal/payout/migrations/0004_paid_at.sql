-- Since when the payee has it: for a while from then on it may come back.
ALTER TABLE payout ADD COLUMN paid_at BIGINT;
