-- Payouts of a customer's money: what goes back to its sources, as what of it, and what was withdrawn of which payments. A part of a payout that goes
-- to its destination is a payout of its own, which is not listed beside it.
ALTER TABLE payout ADD COLUMN customer_id TEXT;
ALTER TABLE payout ADD COLUMN part_of TEXT NOT NULL DEFAULT '';
ALTER TABLE payout ADD COLUMN loop TEXT NOT NULL DEFAULT '';
ALTER TABLE payout ADD COLUMN draws TEXT NOT NULL DEFAULT '';
CREATE INDEX payout_customer ON payout (merchant_id, customer_id, id) WHERE customer_id IS NOT NULL;
-- The card of a destination, by its token: it is not destroyed while money may be paid to it.
ALTER TABLE payout_destination ADD COLUMN card_token TEXT NOT NULL DEFAULT '';
CREATE INDEX payout_destination_card ON payout_destination (merchant_id, card_token) WHERE card_token <> '';
