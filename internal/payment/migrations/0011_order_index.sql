-- The payments of an order are listed by an index that holds those of orders alone, so the column is empty where there is none.
ALTER TABLE payment ADD COLUMN paid_order TEXT;
UPDATE payment SET paid_order = order_id WHERE order_id <> '';
ALTER TABLE payment DROP COLUMN order_id;
ALTER TABLE payment RENAME COLUMN paid_order TO order_id;
CREATE INDEX payment_order ON payment (merchant_id, order_id, id) WHERE order_id IS NOT NULL;
