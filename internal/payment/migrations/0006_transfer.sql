-- Money that came in on a code, transfer by transfer: what a payment needed of it, and what did not belong to it and goes back.
CREATE TABLE payment_transfer (
    merchant_id      TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    provider_account TEXT   NOT NULL,
    reference        TEXT   NOT NULL, -- the scheme's
    payment_id       TEXT   NOT NULL, -- empty: it names none of ours
    attempt          BIGINT NOT NULL,
    amount           BIGINT NOT NULL CHECK (amount > 0),
    currency         TEXT   NOT NULL,
    surplus          BIGINT NOT NULL CHECK (surplus >= 0 AND surplus <= amount), -- what of it is in suspense
    reason           TEXT   NOT NULL CHECK (reason IN ('', 'part', 'over', 'late', 'unknown')),
    state            TEXT   NOT NULL CHECK (state IN ('settled', 'held', 'returning', 'returned')),
    payer            TEXT   NOT NULL,
    detail           TEXT   NOT NULL,
    tries            BIGINT NOT NULL,
    due_at           BIGINT,
    created_at       BIGINT NOT NULL,
    moved_at         BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX payment_transfer_reference ON payment_transfer (merchant_id, provider_account, reference);
CREATE INDEX payment_transfer_payment ON payment_transfer (merchant_id, payment_id);
CREATE INDEX payment_transfer_due ON payment_transfer (due_at) WHERE due_at IS NOT NULL;
