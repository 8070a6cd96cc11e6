-- A payment's transfers are read in the order of their ids. Without them in the index SQLite walks through all that the merchant has.
DROP INDEX payment_transfer_payment;
CREATE INDEX payment_transfer_payment ON payment_transfer (payment_id, merchant_id, id);
