-- Pieces of the files that merchants send for disputes.
CREATE TABLE evidence_part (
  dispute   TEXT NOT NULL,
  reference TEXT NOT NULL, -- the caller's, of the answer
  name      TEXT NOT NULL,
  part      INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (dispute, reference, name, part)
) STRICT;
