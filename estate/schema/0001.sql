-- Numbers are never given twice: the log speaks of accounts and SIMs that are gone.
-- Accounts form one tree. `key` is the folded name: unique among siblings, whatever the case.
CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  parent_id INTEGER REFERENCES account(id),
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  external_ref TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  sims INTEGER NOT NULL DEFAULT 0          -- SIMs in the account itself, kept by every change
);
CREATE UNIQUE INDEX account_sibling ON account(ifnull(parent_id, 0), key);

CREATE TABLE user (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account(id),
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX user_account ON user(account_id);

-- Absent numbers and times are 0 and absent text is '', so that every sort column is NOT NULL
-- and a page is found by row values. Lists are '\n'-separated with a '\n' at both ends.
CREATE TABLE sim (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  iccid TEXT NOT NULL,
  iccid_key TEXT NOT NULL,                 -- the same with and without check digit
  iccid_rev TEXT NOT NULL,                 -- reversed, for searches by the last digits
  imsi TEXT NOT NULL,
  msisdn TEXT NOT NULL,
  eid TEXT NOT NULL,
  imei TEXT NOT NULL,
  label TEXT NOT NULL,
  label_key TEXT NOT NULL,                 -- folded
  account_id INTEGER NOT NULL REFERENCES account(id),
  lifecycle INTEGER NOT NULL,
  suspended INTEGER NOT NULL,
  managed INTEGER NOT NULL,
  gate INTEGER NOT NULL,
  in_session INTEGER NOT NULL,
  network TEXT NOT NULL,
  tariff TEXT NOT NULL,
  used INTEGER NOT NULL,
  cap INTEGER NOT NULL,
  alert INTEGER NOT NULL,
  hard_cap INTEGER NOT NULL,
  usage_as_of INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  activated INTEGER NOT NULL,
  tags TEXT NOT NULL,
  categories TEXT NOT NULL,
  notes TEXT NOT NULL,
  recipients TEXT NOT NULL,
  created_rev INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status INTEGER NOT NULL GENERATED ALWAYS AS (CASE
    WHEN NOT managed THEN 7 WHEN lifecycle = 3 THEN 6 WHEN lifecycle = 1 THEN 5 WHEN lifecycle = 0 THEN 4
    WHEN gate = 2 THEN 2 WHEN suspended THEN 3 WHEN gate = 1 THEN 1 ELSE 0 END) VIRTUAL,
  used_pct INTEGER NOT NULL GENERATED ALWAYS AS (CASE WHEN cap = 0 THEN -1 ELSE used * 100 / cap END) VIRTUAL
);
CREATE UNIQUE INDEX sim_iccid ON sim(iccid_key);
CREATE INDEX sim_iccid_rev ON sim(iccid_rev);
CREATE INDEX sim_account ON sim(account_id);
CREATE INDEX sim_label ON sim(label_key);
CREATE INDEX sim_status ON sim(status);
CREATE INDEX sim_session ON sim(in_session);
CREATE INDEX sim_network ON sim(network);
CREATE INDEX sim_used ON sim(used);
CREATE INDEX sim_cap ON sim(cap);
CREATE INDEX sim_used_pct ON sim(used_pct);
CREATE INDEX sim_seen ON sim(seen);

-- Substrings of three characters and more. SIMs above `upto` are not in it yet: it is filled in the background.
CREATE VIRTUAL TABLE sim_text USING fts5(body, content='', contentless_delete=1, tokenize='trigram');
CREATE TABLE sim_text_state (upto INTEGER NOT NULL);
INSERT INTO sim_text_state VALUES (0);

-- Every change, in commit order: audit trail, undo record and live feed at once. Only ever appended to;
-- each row's hash covers the row and the hash before it.
CREATE TABLE log (
  rev INTEGER PRIMARY KEY,
  change_id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  actor_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  counts TEXT NOT NULL,
  undoes INTEGER,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL
);
CREATE INDEX log_undoes ON log(undoes) WHERE undoes IS NOT NULL;

-- What happened to each SIM of a change. `before` keeps what was cleared, so that undo can bring it back.
CREATE TABLE log_item (
  rev INTEGER NOT NULL REFERENCES log(rev),
  sim_id INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  from_account INTEGER NOT NULL,
  to_account INTEGER NOT NULL,
  before TEXT,
  PRIMARY KEY (rev, sim_id)
) WITHOUT ROWID;
CREATE INDEX log_item_sim ON log_item(sim_id);

-- The accounts a change touched and how many SIMs it took from (side 0) or brought to (side 1) each:
-- who may see the change, and how much of it.
CREATE TABLE log_account (
  rev INTEGER NOT NULL REFERENCES log(rev),
  account_id INTEGER NOT NULL,
  side INTEGER NOT NULL,
  sims INTEGER NOT NULL,
  PRIMARY KEY (rev, account_id, side)
) WITHOUT ROWID;
CREATE INDEX log_account_account ON log_account(account_id);
