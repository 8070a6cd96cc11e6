-- Payments that are asked for again by themselves: until when, how often, and when next.
ALTER TABLE payment ADD COLUMN later TEXT NOT NULL DEFAULT '';
-- Of a try whose payer is not there, the issuer's country: from it is learned at which hour of the day issuers say yes.
ALTER TABLE payment_attempt ADD COLUMN issuer_country TEXT NOT NULL DEFAULT '';
CREATE INDEX payment_attempt_hours ON payment_attempt (merchant_id, created_at) WHERE issuer_country <> '';
