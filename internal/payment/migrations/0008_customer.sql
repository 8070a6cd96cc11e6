-- Who pays, where the merchant knows them.
ALTER TABLE payment ADD COLUMN customer_id TEXT;
CREATE INDEX payment_customer ON payment (merchant_id, customer_id, id) WHERE customer_id IS NOT NULL;
