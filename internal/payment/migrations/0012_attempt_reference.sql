-- Some providers name a payment by their own reference alone, when its payer denies it.
CREATE INDEX payment_attempt_reference ON payment_attempt (merchant_id, provider_account, provider_reference, payment_id, number) WHERE provider_reference <> '';
