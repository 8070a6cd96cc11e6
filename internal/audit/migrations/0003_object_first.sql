-- Of indexes that look as good, SQLite takes the one that was made last. What was done to one object is less than all that was done by a key, or
-- all of one action, so this one is to be the last.
DROP INDEX audit_record_object;
CREATE INDEX audit_record_object ON audit_record (merchant_id, object, id);
