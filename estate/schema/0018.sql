-- Periods that end up to `closed_until` are closed. While a rollover runs, `next` is the boundary it closes up to,
-- `cursor` the last SIM it has closed and `rollover` the number that its steps share in the log. A rule is `held` after
-- its rollover was undone: it waits for an Admin.
ALTER TABLE turned RENAME TO period_rollover;
ALTER TABLE period_rollover RENAME COLUMN upto TO closed_until;
ALTER TABLE period_rollover ADD COLUMN rollover TEXT NOT NULL DEFAULT '';
ALTER TABLE period_rollover ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- The newest log entry that an accepted clock wrote (clock::judge_clock); 0 before the first.
CREATE TABLE clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  newest INTEGER NOT NULL
);
INSERT INTO clock SELECT 1, ifnull((SELECT at FROM log ORDER BY rev DESC LIMIT 1), 0);
