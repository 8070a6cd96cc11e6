-- The provider account that is asked about an operation, and that a late approval is reversed at: the worker shares its hands out by it.
ALTER TABLE payment_operation ADD COLUMN provider_account TEXT NOT NULL DEFAULT '';
ALTER TABLE payment_contradiction ADD COLUMN provider_account TEXT NOT NULL DEFAULT '';
