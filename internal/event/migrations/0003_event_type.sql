-- A list of events by type reads a page of each type, however many others there are.
CREATE INDEX event_type ON event (merchant_id, type, id);
