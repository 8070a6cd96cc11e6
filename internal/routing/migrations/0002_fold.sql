-- What processes counted that have been quiet for a day is put together in one row for each experiment, of the process 'total'. The row that
-- was put there is empty from then on, and deleted a while later.
ALTER TABLE routing_tally ADD COLUMN folded_at BIGINT;
CREATE INDEX routing_tally_quiet ON routing_tally (updated_at) WHERE folded_at IS NULL AND process <> 'total';
CREATE INDEX routing_tally_folded ON routing_tally (folded_at) WHERE folded_at IS NOT NULL;
