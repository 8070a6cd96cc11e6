-- That an outcome was a person's business stays with what it is of, and so does what they said: the queue forgets both.
ALTER TABLE payment_attempt ADD COLUMN by_hand TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_operation ADD COLUMN by_hand TEXT NOT NULL DEFAULT '';
-- What the payer reads, as the provider was sent it.
ALTER TABLE payment_attempt ADD COLUMN statement_descriptor TEXT NOT NULL DEFAULT '';
