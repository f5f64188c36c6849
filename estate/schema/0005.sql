-- A cap that is raised until the billing period ends: what cap (0 is none) and alert come back, and when. -1: it is not
-- raised.
ALTER TABLE sim ADD COLUMN back_cap INTEGER NOT NULL DEFAULT -1;
ALTER TABLE sim ADD COLUMN back_alert INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sim ADD COLUMN back_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sim_back_at ON sim(back_at) WHERE back_at > 0;
