-- What is to be paid, and until when. Its own sums are written in the Change that captures, so its version is what keeps two payments
-- that succeed at the same moment apart.
CREATE TABLE orders (
    merchant_id         TEXT   NOT NULL,
    id                  TEXT   NOT NULL,
    status              TEXT   NOT NULL CHECK (status IN ('open', 'partially_paid', 'paid', 'expired', 'canceled')),
    amount              BIGINT NOT NULL CHECK (amount > 0),
    currency            TEXT   NOT NULL,
    amount_paid         BIGINT NOT NULL CHECK (amount_paid >= 0 AND amount_paid <= amount),
    amount_surplus      BIGINT NOT NULL CHECK (amount_surplus >= 0), -- what came that it did not need, ever
    lines               TEXT   NOT NULL,
    partial             BIGINT NOT NULL,
    minimum             BIGINT NOT NULL,
    invoice_number      TEXT   NOT NULL,
    description         TEXT   NOT NULL,
    customer            TEXT   NOT NULL,
    return_url          TEXT   NOT NULL,
    metadata            TEXT   NOT NULL,
    reminders           TEXT   NOT NULL,
    cancellation_reason TEXT   NOT NULL,
    payments            BIGINT NOT NULL,
    payable_by          BIGINT, -- an invoice's due_at
    expires_at          BIGINT,
    paid_at             BIGINT,
    ended_at            BIGINT, -- when it was canceled or expired
    due_at              BIGINT, -- when time itself changes it: a reminder, its end
    created_at          BIGINT NOT NULL,
    version             BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX orders_customer ON orders (merchant_id, customer, id) WHERE customer <> '';
CREATE INDEX orders_invoice ON orders (merchant_id, invoice_number, id) WHERE invoice_number <> '';

-- A payment of an order, and what of its money the order did not need: that goes back when it is due.
CREATE TABLE order_payment (
    merchant_id TEXT   NOT NULL,
    order_id    TEXT   NOT NULL,
    payment_id  TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'over')),
    amount      BIGINT NOT NULL CHECK (amount > 0),
    currency    TEXT   NOT NULL,
    captured    BIGINT NOT NULL CHECK (captured >= 0),
    surplus     BIGINT NOT NULL CHECK (surplus >= 0 AND surplus <= captured),
    adjusted    BIGINT NOT NULL, -- what of the captured came, or went, when that cleared: no business of the order's
    returned    BIGINT NOT NULL CHECK (returned >= 0 AND returned <= surplus), -- of the surplus: refunded, or on its way
    tries       BIGINT NOT NULL,
    captured_at BIGINT,
    returned_at BIGINT,
    due_at      BIGINT,
    created_at  BIGINT NOT NULL,
    moved_at    BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, order_id, payment_id)
);
CREATE INDEX order_payment_due ON order_payment (due_at) WHERE due_at IS NOT NULL;
