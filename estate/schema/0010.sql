-- Until an invitation is accepted, and once a user is removed, nobody signs in by that address: `email_key` is '#' and
-- the user's number then. A removed user (state 3) stays for the log's sake.
ALTER TABLE user ADD COLUMN invited_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN invited_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN signed_in INTEGER NOT NULL DEFAULT 0;
UPDATE user SET email_key = '#' || id WHERE state = 0;

-- What the users of the accounts below see as help, as JSON; '' leaves it to the account above.
ALTER TABLE account ADD COLUMN help TEXT NOT NULL DEFAULT '';

-- A message that tells of something else than levels says it here.
ALTER TABLE message ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN body TEXT NOT NULL DEFAULT '';
