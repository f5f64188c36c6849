-- Whether caps and alerts are switched on here, as far as the account itself says; off above is off below.
ALTER TABLE account ADD COLUMN levels INTEGER NOT NULL DEFAULT 1;
