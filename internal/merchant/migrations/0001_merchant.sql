CREATE TABLE merchant (
  merchant_id      TEXT NOT NULL PRIMARY KEY,
  name             TEXT NOT NULL,
  api_version      TEXT NOT NULL,
  fee_basis_points BIGINT NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
  suspended_at     BIGINT,
  created_at       BIGINT NOT NULL,
  version          BIGINT NOT NULL
);
