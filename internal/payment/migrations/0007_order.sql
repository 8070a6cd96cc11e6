-- The order that is paid with a payment; empty: none.
ALTER TABLE payment ADD COLUMN order_id TEXT NOT NULL DEFAULT '';
