-- Each payment is held against the switches that work, so those that have expired must not be read for it. What stays until it is lifted expires
-- at the end of time.
DROP INDEX kill_switch_on;
CREATE INDEX kill_switch_on ON kill_switch (merchant_id, (COALESCE(expires_at, 9223372036854775807))) WHERE lifted_at IS NULL;
