-- A network takes a cryptogram once. Only a hash is kept, as nothing else of it is needed.
CREATE TABLE cryptogram (
  hash TEXT NOT NULL PRIMARY KEY,
  reference TEXT NOT NULL -- of the authorization that brought it first
) STRICT;
