-- What payers read on their statements, where a payment does not say otherwise.
ALTER TABLE merchant ADD COLUMN statement_descriptor TEXT NOT NULL DEFAULT '';
