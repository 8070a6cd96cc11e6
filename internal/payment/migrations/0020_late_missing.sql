-- A late approval that its provider does not find is believed to be gone when it was not found twice.
ALTER TABLE payment_contradiction ADD COLUMN not_found BIGINT NOT NULL DEFAULT 0;
