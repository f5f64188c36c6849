-- What programs sign in with. `prefix` finds it, `hash` (SHA-256 of the whole) proves it; the secret itself is shown once
-- and kept nowhere. It is good for an account that its user sees, and what lies below it.
CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES user(id),
  name TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  account_id INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL DEFAULT 0,      -- 0 is never
  used INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX token_user ON token(user_id);
