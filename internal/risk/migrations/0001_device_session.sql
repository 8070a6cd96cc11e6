-- A row is written once and deleted when its time is over; a browser that says more later gets a row of its own.
CREATE TABLE risk_device_session (
  merchant_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  signals     TEXT NOT NULL,
  ip          TEXT NOT NULL,
  country     TEXT NOT NULL,
  user_agent  TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, id)
);

-- Pruning goes by time over all merchants.
CREATE INDEX risk_device_session_created_at ON risk_device_session (created_at);
