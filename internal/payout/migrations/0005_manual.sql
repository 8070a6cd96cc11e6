-- How many questions in a row told nothing of a payout, and since when it is a person's business.
ALTER TABLE payout ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payout ADD COLUMN manual_at BIGINT;
CREATE INDEX payout_manual ON payout (merchant_id, manual_at, id) WHERE manual_at IS NOT NULL;
