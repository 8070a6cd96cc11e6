-- What may be refunded, how long, why, and by whom alone: JSON, by method.
ALTER TABLE merchant ADD COLUMN returns TEXT NOT NULL DEFAULT '';
