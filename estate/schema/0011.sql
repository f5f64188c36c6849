-- The address that somebody wants to sign in by: theirs from the first sign-in with it on, if it is nobody's then.
ALTER TABLE user ADD COLUMN wanted TEXT NOT NULL DEFAULT '';

-- Addresses are compared by their case alone.
UPDATE user SET email_key = lower(email) WHERE state IN (1, 2);
