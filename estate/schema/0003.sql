-- When the billing periods of an account begin: 'month', 'day:23', 'activation:30'; '' is inherited, at the root 'month'.
ALTER TABLE account ADD COLUMN period TEXT NOT NULL DEFAULT '';

-- Levels that usage has reached and that have said so: 1 the alert, 2 the cap. A level that is raised above usage may
-- speak again.
ALTER TABLE sim ADD COLUMN fired INTEGER NOT NULL DEFAULT 0;
UPDATE sim SET fired = (alert > 0 AND used >= alert) + 2 * (cap > 0 AND used >= cap)
  WHERE (alert > 0 AND used >= alert) OR (cap > 0 AND used >= cap);

-- Up to when the counters of each rule's SIMs have been turned. While a turn is under way, `next` is where it leads and
-- `cursor` the last SIM it has dealt with.
CREATE TABLE turned (
  rule TEXT PRIMARY KEY,
  upto INTEGER NOT NULL,
  next INTEGER NOT NULL DEFAULT 0,
  cursor INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- What has been counted, so that it is counted once. `key` is a hash of what tells a SIM's records apart; a record
-- counts with the largest size and the earliest time that were reported.
CREATE TABLE usage_record (
  sim_id INTEGER NOT NULL,
  key INTEGER NOT NULL,
  at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  account_id INTEGER NOT NULL,             -- where the SIM was when the record first came
  PRIMARY KEY (sim_id, key)
) WITHOUT ROWID;

-- Usage by day (days since 1970-01-01, UTC), in the account the SIM was in when it came.
CREATE TABLE usage_day (
  sim_id INTEGER NOT NULL,
  day INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (sim_id, day, account_id)
) WITHOUT ROWID;

-- The same summed up by account.
CREATE TABLE usage_account (
  account_id INTEGER NOT NULL,
  day INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (account_id, day)
) WITHOUT ROWID;

-- Billing periods that are over.
CREATE TABLE usage_period (
  sim_id INTEGER NOT NULL,
  start INTEGER NOT NULL,
  end INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (sim_id, start, account_id)
) WITHOUT ROWID;

-- Data sessions that records spoke of: from the first record to the last.
CREATE TABLE data_session (
  sim_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  start INTEGER NOT NULL,
  last INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (sim_id, name, account_id)
) WITHOUT ROWID;

-- Levels that were reached: once for each SIM, kind (1 alert, 2 cap), period and level.
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sim_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  period INTEGER NOT NULL,
  level INTEGER NOT NULL,
  used INTEGER NOT NULL,
  at INTEGER NOT NULL,
  account_id INTEGER NOT NULL
);
CREATE UNIQUE INDEX event_once ON event(sim_id, kind, period, level);
CREATE INDEX event_account ON event(account_id);
