-- How many provider accounts one request may try; 0 is the default.
ALTER TABLE merchant ADD COLUMN cascade_tries BIGINT NOT NULL DEFAULT 0;
