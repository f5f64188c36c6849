-- A cap that is raised until the billing period ends: what cap (0 is none) and alert come back then. -1: it is not raised.
ALTER TABLE sim ADD COLUMN back_cap INTEGER NOT NULL DEFAULT -1;
ALTER TABLE sim ADD COLUMN back_alert INTEGER NOT NULL DEFAULT 0;
