-- An address is unique among the users of a top-level customer (people::customer_of), not of the estate. The customer
-- follows from the tree of accounts, so no index can hold it: the rule is checked where an address is taken
-- (people::admit) and where accounts move, and `store check` verifies it. `email_key` loses its UNIQUE.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE user_before AS SELECT * FROM user;
DROP TABLE user;
CREATE TABLE user (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account(id),
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,                 -- '#' and the id while nobody signs in by the address
  role TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  notify INTEGER NOT NULL DEFAULT 0,
  heard INTEGER NOT NULL DEFAULT 0,
  invited_at INTEGER NOT NULL DEFAULT 0,
  invited_by INTEGER NOT NULL DEFAULT 0,
  signed_in INTEGER NOT NULL DEFAULT 0,
  wanted TEXT NOT NULL DEFAULT ''          -- the address that the user has asked for, folded
);
INSERT INTO user (id, account_id, name, email, email_key, role, state, created_at, notify, heard, invited_at, invited_by,
  signed_in, wanted)
  SELECT id, account_id, name, email, email_key, role, state, created_at, notify, heard, invited_at, invited_by,
  signed_in, wanted FROM user_before ORDER BY id;
DROP TABLE user_before;
CREATE INDEX user_account ON user(account_id);
CREATE INDEX user_email ON user(email_key);

-- The client of a session as of its last sign-in or renewal: its network address and the program.
ALTER TABLE token ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN client TEXT NOT NULL DEFAULT '';

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
CREATE INDEX spent_renewal_at ON spent_renewal(at);

-- The address that a link was mailed to: only whoever reads that mailbox has it. '' for a link that was shown.
ALTER TABLE link ADD COLUMN mailed_to TEXT NOT NULL DEFAULT '';
