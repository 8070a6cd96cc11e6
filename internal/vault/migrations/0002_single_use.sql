-- A token that a browser made serves one payment. Those from before were not told apart, and stay as they were.
ALTER TABLE vault_card ADD COLUMN single_use BIGINT NOT NULL DEFAULT 0 CHECK (single_use IN (0, 1));
