-- Whether the network lets the SIM authenticate.
ALTER TABLE sim ADD COLUMN auth INTEGER NOT NULL DEFAULT 1;
-- What was asked for here: 0 nothing, 1 active, 2 suspended, 3 terminated. What is, stands in lifecycle and suspended,
-- and a report of the network may say otherwise.
ALTER TABLE sim ADD COLUMN desired INTEGER NOT NULL DEFAULT 0;
-- The change that put it into its state, and the account whose user suspended it; 0 where an import stated it.
ALTER TABLE sim ADD COLUMN state_rev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sim ADD COLUMN suspended_by INTEGER NOT NULL DEFAULT 0;
