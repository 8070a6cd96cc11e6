-- When the evidence was destroyed: its customer was erased, or its time was over.
ALTER TABLE dispute ADD COLUMN evidence_erased_at BIGINT;
CREATE INDEX dispute_kept ON dispute (ended_at) WHERE ended_at IS NOT NULL AND evidence <> '{}';

-- Since when a piece of evidence has no content any more: the row goes too, because a file's name may tell who somebody is.
ALTER TABLE dispute_evidence ADD COLUMN emptied_at BIGINT;
CREATE INDEX dispute_evidence_emptied ON dispute_evidence (emptied_at) WHERE emptied_at IS NOT NULL;

-- Customers who were erased and whose payments' disputes may still have evidence.
CREATE TABLE dispute_erasure (
    merchant_id TEXT   NOT NULL,
    customer_id TEXT   NOT NULL,
    due_at      BIGINT,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, customer_id)
);
CREATE INDEX dispute_erasure_due ON dispute_erasure (due_at) WHERE due_at IS NOT NULL;
