-- 3-D Secure: what was asked, what the issuer said, what the payer must do, and how far an attempt's authentication is.
ALTER TABLE payment ADD COLUMN return_url TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN asked TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN action TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN challenges BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN ended_at BIGINT;
ALTER TABLE payment_attempt ADD COLUMN secure TEXT NOT NULL DEFAULT '';

-- A token that a browser made serves one payment, whatever becomes of it.
CREATE TABLE payment_token (
    merchant_id TEXT   NOT NULL,
    token       TEXT   NOT NULL,
    payment_id  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, token)
);
