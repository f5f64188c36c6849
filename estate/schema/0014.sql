-- Whoever knows a password does not guess the code that goes with it (RFC 4226 §7.3).
ALTER TABLE totp ADD COLUMN wrong INTEGER NOT NULL DEFAULT 0;  -- codes in a row that were not right
ALTER TABLE totp ADD COLUMN wait INTEGER NOT NULL DEFAULT 0;   -- until then none is taken
-- How often counters or caps of SIMs in it have turned by themselves: whoever listens hears of their own accounts only.
ALTER TABLE account ADD COLUMN turned INTEGER NOT NULL DEFAULT 0;
-- What was mailed may hold a link that lets somebody in: it is not kept once it is out.
UPDATE message SET body = '' WHERE state <> 0;
