-- The provider's own reference of a payment whose money came after its end, where no transfer of the scheme's stands behind it.
ALTER TABLE payment_transfer ADD COLUMN original TEXT NOT NULL DEFAULT '';
