-- An event's deliveries are listed by their ids. Without them in the index SQLite walks through all that the merchant has.
DROP INDEX webhook_delivery_event;
CREATE INDEX webhook_delivery_event ON webhook_delivery (merchant_id, event_id, id);
