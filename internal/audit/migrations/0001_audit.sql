-- florin: append-only audit_record
CREATE TABLE audit_record (
  merchant_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  actor       TEXT NOT NULL CHECK (actor <> ''),
  action      TEXT NOT NULL CHECK (action <> ''),
  object      TEXT NOT NULL CHECK (object <> ''),
  detail      TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id)
);

CREATE INDEX audit_record_object ON audit_record (merchant_id, object, id);
