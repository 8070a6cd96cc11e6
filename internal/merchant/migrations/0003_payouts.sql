-- When captured money can be paid out, in hours after the capture, and above which amounts a second person must agree.
ALTER TABLE merchant ADD COLUMN settlement_delay BIGINT NOT NULL DEFAULT 0;
ALTER TABLE merchant ADD COLUMN payout_approval TEXT NOT NULL DEFAULT '';
