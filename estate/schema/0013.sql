-- A person who signed in over the network has a token too, for half a day; what renews it is another secret. What
-- they sign in with is hashed (Argon2id); the second factor (RFC 6238) has to be known to be checked.
ALTER TABLE token ADD COLUMN person INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN renew_prefix TEXT;
ALTER TABLE token ADD COLUMN renew_hash BLOB;
ALTER TABLE token ADD COLUMN renew_ends INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX token_renew ON token(renew_prefix);
CREATE TABLE password (
  user_id INTEGER PRIMARY KEY REFERENCES user(id),
  hash TEXT NOT NULL,
  changed INTEGER NOT NULL
);
CREATE TABLE totp (
  user_id INTEGER PRIMARY KEY REFERENCES user(id),
  secret BLOB NOT NULL,
  proved INTEGER NOT NULL DEFAULT 0,       -- 0 until a first code was given
  step INTEGER NOT NULL DEFAULT 0          -- the last step a code was taken of: each is good once
);
-- Links that let somebody in once: an invitation, or a new password.
CREATE TABLE link (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES user(id),
  kind TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  made INTEGER NOT NULL,
  expires INTEGER NOT NULL
);
CREATE INDEX link_user ON link(user_id);
-- What was asked for with an idempotency key, and what became of it.
CREATE TABLE request (
  id TEXT PRIMARY KEY,                     -- the change it makes
  user_id INTEGER NOT NULL REFERENCES user(id),
  account_id INTEGER NOT NULL,             -- the top of what was seen by whoever asked
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  body BLOB NOT NULL,                      -- SHA-256 of what was sent
  change TEXT NOT NULL,                    -- what was confirmed, to be gone on with after a crash
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  answer TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX request_key ON request(user_id, account_id, route, key);
CREATE INDEX request_at ON request(at);
