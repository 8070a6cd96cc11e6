-- Where a merchant's pages are, and its colour on ours.
ALTER TABLE merchant ADD COLUMN origins TEXT NOT NULL DEFAULT '';
ALTER TABLE merchant ADD COLUMN color TEXT NOT NULL DEFAULT '';
