-- Whether a user wants mail about the SIMs they see, and the last event they have looked at.
ALTER TABLE user ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;

-- Who else hears of an account's SIMs and of those below it: mail addresses (kind 0) and webhooks (kind 1).
CREATE TABLE external (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account(id),
  kind INTEGER NOT NULL,
  address TEXT NOT NULL,
  key TEXT NOT NULL,                       -- a mail address in small letters; a URL as it is
  secret TEXT NOT NULL DEFAULT ''          -- what a webhook's messages are signed with
);
CREATE UNIQUE INDEX external_once ON external(account_id, kind, key);

-- Messages to be sent: written in the transaction of what they tell of, so that a crash neither loses nor doubles one.
-- `state` 0 waits, 1 was sent, 2 was given up. While `leased` lies ahead, somebody is sending it.
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  secret TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL,
  leased INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX message_due ON message(due) WHERE state = 0;
CREATE TABLE message_event (
  message INTEGER NOT NULL REFERENCES message(id),
  event INTEGER NOT NULL,
  PRIMARY KEY (message, event)
) WITHOUT ROWID;

-- Every attempt to send one.
CREATE TABLE attempt (
  message INTEGER NOT NULL REFERENCES message(id),
  at INTEGER NOT NULL,
  error TEXT NOT NULL                      -- '' where it went out
);
CREATE INDEX attempt_message ON attempt(message);
