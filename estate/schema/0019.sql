-- Renewal secrets of a session that are no longer good. The one that was used last is answered again for a moment, in
-- case its answer was lost; any other use of one ends the session (RFC 9700, section 4.14.2). `used` is 0 for a secret
-- that was replaced before it was used: its answer counts as lost.
CREATE TABLE spent_renewal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  token_id INTEGER NOT NULL REFERENCES token(id) ON DELETE CASCADE,
  prefix TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  used INTEGER NOT NULL
);
CREATE INDEX spent_renewal_token ON spent_renewal(token_id);
