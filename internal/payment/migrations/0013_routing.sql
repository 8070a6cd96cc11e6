-- How an attempt came to its account: the decision with its ranked losers, and how far its request has gone. JSON.
ALTER TABLE payment_attempt ADD COLUMN routing TEXT NOT NULL DEFAULT '';
