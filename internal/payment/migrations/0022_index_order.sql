-- Ids rise with time. An index that leads with one has the new rows of all merchants at its right end, on few pages; one that leads with
-- the merchant has them on a page of each. Whoever asks names both, so the order is free. The merchant stays in it: a unique index must hold it.
DROP INDEX payment_attempt_active;
-- One try at a time may hold the payer's money. This is what makes a double charge a constraint violation.
CREATE UNIQUE INDEX payment_attempt_active ON payment_attempt (payment_id, merchant_id)
    WHERE state IN ('sending', 'unknown', 'pending', 'requires_action', 'authorized', 'captured');
DROP INDEX payment_attempt_reference;
CREATE INDEX payment_attempt_reference ON payment_attempt (provider_reference, merchant_id, provider_account, payment_id, number)
    WHERE provider_reference <> '';
