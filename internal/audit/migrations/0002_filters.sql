-- The trail is listed by who acted and by what was done, too. Ids rise, so each insert goes to the end of a stretch.
CREATE INDEX audit_record_actor ON audit_record (merchant_id, actor, id);
CREATE INDEX audit_record_action ON audit_record (merchant_id, action, id);
