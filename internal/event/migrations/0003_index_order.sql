-- The id of a subject rises with time, so the new events of all merchants are at the right end of an index that leads with it.
DROP INDEX event_subject;
CREATE INDEX event_subject ON event (subject, merchant_id, id);
