-- A transaction's canonical bytes hold its lines; ledger_entry holds the same lines by account, so that a balance is
-- one range of one key. `florin ledger verify` proves that the two agree.
CREATE TABLE ledger_transaction (
    merchant_id TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    canonical   BYTES  NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
-- florin: append-only ledger_transaction

-- florin: without-rowid
CREATE TABLE ledger_entry (
    merchant_id    TEXT   NOT NULL,
    account        TEXT   NOT NULL,
    currency       TEXT   NOT NULL,
    transaction_id TEXT   NOT NULL,
    amount         BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (merchant_id, account, currency, transaction_id)
);
-- florin: append-only ledger_entry
