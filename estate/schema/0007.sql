-- The highest cap a SIM here or below may have, as far as the account itself says; 0 is no ceiling.
ALTER TABLE account ADD COLUMN ceiling INTEGER NOT NULL DEFAULT 0;
